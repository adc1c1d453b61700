// MLflow's scoring protocol, which SageMaker's single-model containers share: /ping, /health, /version, /invocations.
#include "frontends/rest/frame.h"
#include "frontends/rest/handlers.h"

namespace vigil {

void HandleMlflowPing(RestHandler& handler, Call& call) {
  const bool ready = handler.Ready();
  handler.Answer(call, ready ? 200 : 503, "application/json", "{}", ready ? net::ReplyHeader{} : net::ReplyHeader{"Retry-After", "1"});
}

void HandleMlflowVersion(RestHandler& handler, Call& call) {
  handler.Answer(call, 200, "text/plain; charset=utf-8", handler.shared().options.version);
}

void HandleMlflowInvocations(RestHandler& handler, Call& call) { InvokeFrame(handler, call, ""); }

}  // namespace vigil
