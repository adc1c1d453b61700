// Everything that one event loop answers: requests go to the REST handler, calls of gRPC to the services here.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "frontends/grpc/descriptors.h"
#include "frontends/grpc/health.h"
#include "frontends/grpc/oip.h"
#include "frontends/rest/rest_handler.h"
#include "net/grpc.h"

namespace vigil {

class GrpcFrontend final : public net::HttpHandler, private HealthSource {
 public:
  // `index` outlives it.
  GrpcFrontend(std::unique_ptr<RestHandler> rest, const DescriptorIndex& index, net::EventLoop& loop);

  void OnRequest(const net::HttpRequest& request, net::Exchange& exchange) override { rest_->OnRequest(request, exchange); }
  std::string ErrorBody(int status, std::string_view reason, std::string_view request_id) override {
    return rest_->ErrorBody(status, reason, request_id);
  }
  std::string ErrorRequestId(std::string_view given) override { return rest_->ErrorRequestId(given); }
  const net::GrpcMethods* grpc() const override { return &methods_; }
  void OnDrain() override {
    health_.Stop();
    oip_.Stop();
    rest_->OnDrain();
  }

 private:
  std::optional<bool> Serving(std::string_view service) override;
  std::vector<std::string> Names() override;

  const std::unique_ptr<RestHandler> rest_;
  const DescriptorIndex& index_;
  HealthService health_;
  OipService oip_;
  net::GrpcMethods methods_;
};

// One frontend a loop. All that is given outlives the server; `make_predict` is called on the loop's own thread.
net::HandlerFactory MakeFrontendFactory(RestShared& shared, const DescriptorIndex& index,
                                        std::function<std::unique_ptr<PredictService>(net::EventLoop& loop)> make_predict);

}  // namespace vigil
