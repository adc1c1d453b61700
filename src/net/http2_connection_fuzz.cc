// Whatever the bytes after the preface: no memory error, bounded memory, all streams given back. The handlers answer at once, later, in
// many frames, or drop the answer, as the path says; the first byte seeds how the bytes are cut and when time passes.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/random.h"
#include "net/grpc.h"
#include "net/testing/fake_host.h"

namespace vigil::net {
namespace {

using testing::FakeHost;

constexpr int64_t kBytesMax = 32 << 20;

void Require(bool condition) {
  if (!condition) std::abort();
}

class EchoReader final : public GrpcReader {
 public:
  explicit EchoReader(std::shared_ptr<GrpcCall> call) : call_(std::move(call)) {}
  void OnMessage(std::string_view message) override { call_->Send(message); }
  void OnEnd() override { call_->Finish(absl::OkStatus()); }

 private:
  const std::shared_ptr<GrpcCall> call_;
};

void Run(std::string_view bytes, uint64_t seed) {
  Random random(seed);
  HttpLimits limits;
  limits.body_bytes_max = 1 << 16;
  limits.grpc_message_bytes_max = 1 << 16;
  limits.h2_streams_max = 64;
  std::vector<std::shared_ptr<Deferred>> later;
  std::vector<std::shared_ptr<GrpcCall>> calls;
  GrpcMethods methods;
  methods.Add({"/u", [](const GrpcRequest& r, GrpcExchange& e) { e.Reply(r.message); }, nullptr});
  methods.Add({"/d", [&](const GrpcRequest&, GrpcExchange& e) { calls.push_back(e.Defer()); }, nullptr});
  methods.Add(
      {"/s", nullptr, [](const GrpcRequest&, std::shared_ptr<GrpcCall> call) { return std::make_unique<EchoReader>(std::move(call)); }});
  FakeHost host(
      [&](const HttpRequest& r, Exchange& e) {
        if (r.path == "/d") {
          later.push_back(e.Defer());
        } else {
          e.Send(200, "text/plain", r.body, {{"x-echo", r.path}});
        }
      },
      limits, seed % 2 == 0 ? FakeHost::Version::kHttp2 : FakeHost::Version::kGrpc, &methods);
  host.Receive(kHttp2Preface);
  while (!bytes.empty() && host.connection->wants_input()) {
    const size_t n = std::min<size_t>(bytes.size(), 1 + random.Below(200));
    host.Receive(bytes.substr(0, n));
    bytes.remove_prefix(n);
    Require(host.budget->bytes.load() < kBytesMax);
    switch (random.Below(8)) {
      case 0: host.Advance(static_cast<int64_t>(random.Below(5000))); break;
      case 1:
        if (!later.empty()) later.back()->Send(200, "", "late");
        break;
      case 2:
        if (!later.empty()) later.pop_back();
        break;
      case 3:
        if (!calls.empty()) calls.back()->Send("message");
        break;
      case 4:
        if (!calls.empty()) calls.pop_back();
        break;
      case 5: Require(host.TakeSent().size() < static_cast<size_t>(kBytesMax)); break;
      default: break;
    }
  }
  host.connection->OnDrain();
  host.TakeSent();
  if (seed % 3 == 0) later.clear();
  host.connection.reset();
  for (const auto& call : calls) Require(call->cancelled() || call->unsent_bytes() == 0);
}

}  // namespace
}  // namespace vigil::net

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  vigil::net::Run({reinterpret_cast<const char*>(data) + 1, size - 1}, data[0]);
  return 0;
}
