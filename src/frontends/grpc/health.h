// grpc.health.v1.Health of one loop: the server as a whole (""), each of its services, and each model by name.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/grpc.h"
#include "net/server.h"

namespace vigil {

// What is asked. On the loop's thread.
class HealthSource {
 public:
  virtual ~HealthSource() = default;
  // Whether `service` is served now; nullopt: it is not known here.
  virtual std::optional<bool> Serving(std::string_view service) = 0;
  // All names that Serving knows.
  virtual std::vector<std::string> Names() = 0;
};

class HealthService {
 public:
  static constexpr int64_t kLookMs = 200;       // between looks for whoever watches
  static constexpr size_t kWatchersMax = 4096;  // a loop; beyond it RESOURCE_EXHAUSTED
  static constexpr size_t kListedMax = 1000;    // beyond it List is RESOURCE_EXHAUSTED

  // Both outlive the service.
  HealthService(HealthSource& source, net::EventLoop& loop);
  ~HealthService();
  HealthService(const HealthService&) = delete;
  HealthService& operator=(const HealthService&) = delete;

  // The methods refer to this.
  void AddTo(net::GrpcMethods* methods);
  // Looks at once: who watches hears what has changed.
  void Look();
  // From now on nothing is served: who watches hears it and is let go.
  void Stop();

 private:
  struct Watcher {
    std::shared_ptr<net::GrpcCall> call;
    std::string service;
    int told;
  };
  int StatusOf(std::string_view service);
  void Check(const net::GrpcRequest& request, net::GrpcExchange& exchange);
  void List(net::GrpcExchange& exchange);
  void Watch(const net::GrpcRequest& request, net::GrpcExchange& exchange);
  void LookLater();
  void Forget(const net::GrpcCall* call);

  HealthSource& source_;
  net::EventLoop& loop_;
  std::vector<Watcher> watchers_;
  bool look_is_due_ = false;
  bool stopped_ = false;
  std::shared_ptr<bool> alive_;  // false once this is destroyed
};

}  // namespace vigil
