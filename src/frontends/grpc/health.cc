#include "frontends/grpc/health.h"

#include <algorithm>

#include "base/proto_wire.h"
#include "frontends/words.h"

namespace vigil {
namespace {

// HealthCheckResponse.ServingStatus.
constexpr int kServing = 1, kNotServing = 2, kServiceUnknown = 3;

std::string Response(int status) {
  std::string message;
  ProtoWriter(&message).Int(1, status);
  return message;
}

// HealthCheckRequest.service.
StatusOr<std::string_view> ServiceIn(std::string_view message) {
  std::string_view service;
  ProtoFields fields(message);
  while (fields.Next()) {
    if (fields.is(1, ProtoType::kBytes)) service = fields.bytes();
  }
  if (!fields.ok()) return absl::InvalidArgumentError("the message is no HealthCheckRequest");
  return service;
}

}  // namespace

HealthService::HealthService(HealthSource& source, net::EventLoop& loop)
    : source_(source), loop_(loop), alive_(std::make_shared<bool>(true)) {}

HealthService::~HealthService() { *alive_ = false; }

void HealthService::AddTo(net::GrpcMethods* methods) {
  const auto add = [&](const char* name, std::function<void(const net::GrpcRequest&, net::GrpcExchange&)> unary) {
    methods->Add({std::string("/grpc.health.v1.Health/") + name, std::move(unary), nullptr});
  };
  add("Check", [this](const net::GrpcRequest& request, net::GrpcExchange& exchange) { Check(request, exchange); });
  add("List", [this](const net::GrpcRequest&, net::GrpcExchange& exchange) { List(exchange); });
  add("Watch", [this](const net::GrpcRequest& request, net::GrpcExchange& exchange) { Watch(request, exchange); });
}

int HealthService::StatusOf(std::string_view service) {
  const std::optional<bool> serving = source_.Serving(service);
  if (!serving) return kServiceUnknown;
  return *serving && !stopped_ ? kServing : kNotServing;
}

void HealthService::Check(const net::GrpcRequest& request, net::GrpcExchange& exchange) {
  const auto service = ServiceIn(request.message);
  if (!service.ok()) return exchange.Fail(service.status());
  const int status = StatusOf(*service);
  if (status != kServiceUnknown) return exchange.Reply(Response(status));
  exchange.Fail(absl::NotFoundError(Concat("no service or model \"", service->substr(0, 200), "\"")));
}

void HealthService::List(net::GrpcExchange& exchange) {
  const std::vector<std::string> names = source_.Names();
  if (names.size() > kListedMax) return exchange.Fail(absl::ResourceExhaustedError("more names than a list may hold"));
  std::string message;
  ProtoWriter writer(&message);
  for (const std::string& name : names) {
    writer.Message(1, [&](ProtoWriter& entry) {
      entry.Bytes(1, name);
      entry.Bytes(2, Response(StatusOf(name)));
    });
  }
  exchange.Reply(message);
}

void HealthService::Watch(const net::GrpcRequest& request, net::GrpcExchange& exchange) {
  const auto service = ServiceIn(request.message);
  if (!service.ok()) return exchange.Fail(service.status());
  if (watchers_.size() >= kWatchersMax) return exchange.Fail(absl::ResourceExhaustedError("too many watch already"));
  const std::string name(*service);
  const std::shared_ptr<net::GrpcCall> call = exchange.Defer();
  const int status = StatusOf(name);
  call->Send(Response(status));
  if (stopped_) return call->Finish(absl::UnavailableError("the server stops"));
  watchers_.push_back({call, name, status});
  call->OnCancel([this, alive = alive_, gone = call.get()] {
    if (*alive) Forget(gone);
  });
  LookLater();
}

void HealthService::Forget(const net::GrpcCall* call) {
  const auto found = std::find_if(watchers_.begin(), watchers_.end(), [&](const Watcher& w) { return w.call.get() == call; });
  if (found == watchers_.end()) return;
  const Watcher last = std::move(*found);  // its call ends after the list is whole again
  watchers_.erase(found);
}

void HealthService::Look() {
  for (Watcher& watcher : watchers_) {
    const int status = StatusOf(watcher.service);
    if (status == watcher.told) continue;
    watcher.told = status;
    watcher.call->Send(Response(status));
  }
}

void HealthService::LookLater() {
  if (look_is_due_ || watchers_.empty()) return;
  look_is_due_ = true;
  loop_.RunAfter(kLookMs, [this, alive = alive_] {
    if (!*alive) return;
    look_is_due_ = false;
    Look();
    LookLater();
  });
}

void HealthService::Stop() {
  stopped_ = true;
  Look();
  for (Watcher& watcher : std::exchange(watchers_, {})) watcher.call->Finish(absl::UnavailableError("the server stops"));
}

}  // namespace vigil
