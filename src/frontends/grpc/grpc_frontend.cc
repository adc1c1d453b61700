#include "frontends/grpc/grpc_frontend.h"

#include <algorithm>
#include <utility>

#include "frontends/grpc/reflection.h"
#include "frontends/grpc/tfs.h"

namespace vigil {

GrpcFrontend::GrpcFrontend(std::unique_ptr<RestHandler> rest, const DescriptorIndex& index, net::EventLoop& loop)
    : rest_(std::move(rest)), index_(index), health_(*this, loop), oip_(*rest_) {
  health_.AddTo(&methods_);
  oip_.AddTo(&methods_);
  AddReflection(index_, &methods_);
  AddTfsServices(*rest_, &methods_);
}

// A model that has the name of a service is asked for as the service: those names are ours.
std::optional<bool> GrpcFrontend::Serving(std::string_view service) {
  if (service.empty() || std::binary_search(index_.services().begin(), index_.services().end(), service)) return rest_->Ready();
  const RegistrySnapshot& models = *rest_->predict().Models();
  const auto model = models.models.find(service);
  if (model == models.models.end()) return std::nullopt;
  return model->second->ready();
}

std::vector<std::string> GrpcFrontend::Names() {
  std::vector<std::string> names = index_.services();
  names.emplace_back();
  for (const auto& [name, model] : rest_->predict().Models()->models) names.push_back(name);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

net::HandlerFactory MakeFrontendFactory(RestShared& shared, const DescriptorIndex& index,
                                        std::function<std::unique_ptr<PredictService>(net::EventLoop& loop)> make_predict) {
  return [&shared, &index, make_predict = std::move(make_predict)](net::EventLoop& loop) -> std::unique_ptr<net::HttpHandler> {
    return std::make_unique<GrpcFrontend>(std::make_unique<RestHandler>(shared, loop, make_predict(loop)), index, loop);
  };
}

}  // namespace vigil
