#include "app/remote_transport.h"

#include "net/client.h"

namespace vigil {
namespace {

class HttpConnection final : public remote::RemoteConnection {
 public:
  HttpConnection(const std::string& base_url, size_t answer_bytes_max) {
    net::ClientOptions options;
    options.response_bytes_max = answer_bytes_max;
    client_ = net::HttpClient::Create(base_url, options);
  }

  StatusOr<remote::RemoteAnswer> Send(const remote::RemoteRequest& request) override {
    client_->SetTimeouts(request.connect_ms, request.total_ms);
    StatusOr<net::ClientResponse> response =
        client_->Send(request.method, request.target, request.body.empty() ? "" : "application/json", request.body);
    if (!response.ok()) return response.status();
    return remote::RemoteAnswer{response->status, std::move(response->body)};
  }
  bool MayHaveReached() const override { return client_->MayHaveReached(); }

 private:
  std::unique_ptr<net::HttpClient> client_;
};

}  // namespace

remote::Connect HttpConnect(size_t answer_bytes_max) {
  return [answer_bytes_max](const std::string& base_url) { return std::make_unique<HttpConnection>(base_url, answer_bytes_max); };
}

}  // namespace vigil
