// The HTTP frontend of one event loop: finds the route, makes the request's context, and either answers at once on this thread
// (predictions, health, metadata, metrics) or hands the request to a worker and answers when that is done. Keeps this thread's scratch
// memory, so that a warm prediction allocates nothing.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "base/clock.h"
#include "base/random.h"
#include "domain/request_context.h"
#include "frontends/errors.h"
#include "frontends/rest/infer_statistics.h"
#include "frontends/rest/offload.h"
#include "frontends/rest/openapi.h"
#include "frontends/rest/route_table.h"
#include "frontends/rest/router.h"
#include "frontends/rows/columns.h"
#include "frontends/rows/json_rows.h"
#include "frontends/tensors/answer_tensors.h"
#include "frontends/tensors/oip_message.h"
#include "frontends/tensors/oip_request.h"
#include "frontends/tensors/tfs_messages.h"
#include "frontends/tensors/tfs_model.h"
#include "frontends/tensors/tfs_request.h"
#include "net/http.h"
#include "net/server.h"
#include "service/operations.h"
#include "service/predict_service.h"
#include "telemetry/metrics.h"

namespace vigil {

namespace graphql {
class Endpoint;
struct Shared;
}  // namespace graphql

inline constexpr int64_t kIdleTurnMs = 20;
inline constexpr int64_t kSoonMs = 1;                                     // when the end of a turn left something to do
inline constexpr int64_t kTimeoutUsMax = int64_t{24} * 3600 * 1'000'000;  // of a caller's deadline
inline constexpr size_t kCompressBytesMin = 2048;                         // shorter answers go out as they are, whatever the client accepts
inline constexpr size_t kDecodedBytesMax = 64 << 20;                      // of a body that came compressed

struct RestOptions {
  std::string version = "0.1.0";      // of this program
  std::function<bool()> ready;        // beside the models: false while starting and draining; null: always
  uint64_t seed = 1;                  // of request ids
  int64_t retry_after_s = 1;          // with 503 and 429
  int64_t load_wait_ms_max = 30'000;  // that a request waits for its model to be loaded, if it has no deadline of its own
  VertexRoutes vertex;
};

// What every loop shares. All outlive the server; the pool is destroyed, and StopWorkers called, before the loops are.
struct RestShared {
  RestShared(Operations& operations, OffloadPool& pool, Metrics& metrics, const Clock& clock, RestOptions options);
  ~RestShared();
  // Of the workers that are this one's own.
  void StopWorkers();

  Operations& operations;
  OffloadPool& pool;
  Metrics& metrics;
  const Clock& clock;
  const RestOptions options;
  std::unique_ptr<InferStatistics> statistics = std::make_unique<InferStatistics>();
  std::unique_ptr<const RouteTable> table = std::make_unique<RouteTable>(options.vertex);
  Router router{table->routes()};
  std::string openapi = OpenApiDocument(table->routes(), options.version);
  std::unique_ptr<graphql::Shared> graphql;
};

// Headers that a dialect gives back with whatever answer; one without a value has the request's id. Values are views into the request.
inline constexpr size_t kEchoHeadersMax = 2;
using EchoHeaders = absl::InlinedVector<net::ReplyHeader, kEchoHeadersMax>;

// A request on its serving thread; lives during OnRequest.
struct Call {
  const net::HttpRequest& request;
  net::Exchange& exchange;
  const Route* route = nullptr;  // null: none was found
  PathParams params;
  RequestContext context;
  std::array<char, 16> made_id{};                   // when the caller gave no request id
  std::array<std::string, kPathParamsMax> decoded;  // parameters that were percent-encoded
  std::string_view encoding = {};                   // Content-Encoding of the body
  std::string_view accept_encoding = {};
  std::string_view body = {};             // decoded
  std::unique_ptr<std::string> unpacked;  // what `body` is a view of, when it came compressed
  EchoHeaders echo = {};
};

struct PredictScratch;
// Writes the body of a scored batch in a dialect's form, and may change the scratch's content type and extra header.
using PredictWriter = void (*)(PredictScratch& scratch, std::string* body);

// One prediction's working memory; taken from the handler's free list, given back when it is answered.
struct PredictScratch {
  RestHandler* handler = nullptr;
  const Route* route = nullptr;
  PredictWriter writer = nullptr;
  PredictTarget target;
  RowBatch batch;
  std::vector<uint32_t> absent;  // the model's columns that no row had
  PredictResult result;
  RequestContext context;
  std::string request_id;                   // only while deferred
  std::shared_ptr<net::Deferred> deferred;  // only while deferred
  EchoHeaders echo;
  std::string_view accept_encoding;       // the request's, which stays until the answer is complete
  int64_t parsed_ns = 0;                  // when the rows were ready to be scored
  JsonRows json;                          // its views live as long as this scratch is in use
  std::deque<std::string> texts;          // further texts that views in `batch` point into
  std::unique_ptr<std::string> unpacked;  // a body that came compressed; views point into it
  // Of a dialect of tensors.
  OipReader oip;
  OipMessageReader oip_message;
  OipRequest oip_request;
  TfsReader tfs;
  TfsRequest tfs_request;
  TfsMessageReader tfs_messages;
  TfsClassesOf tfs_classes;
  RequestMemory memory;
  Batch whole;  // of a model that no table fits
  std::vector<AnswerTensor> answers;
  std::string body;
  std::string_view content_type;
  net::ReplyHeader extra;
  std::string extra_text;  // what `extra` may be a view of
};

class RestHandler final : public net::HttpHandler {
 public:
  // Adds its turn hook to `loop`.
  RestHandler(RestShared& shared, net::EventLoop& loop, std::unique_ptr<PredictService> predict);
  ~RestHandler() override;

  void OnRequest(const net::HttpRequest& request, net::Exchange& exchange) override;
  // A request whose route is known: a call of gRPC (grpc/call_exchange.h). `route` outlives the answer. deadline_ns: monotonic; 0: none.
  void OnCall(const Route& route, const net::HttpRequest& request, int64_t deadline_ns, net::Exchange& exchange);
  std::string ErrorBody(int status, std::string_view reason, std::string_view request_id) override;
  std::string ErrorRequestId(std::string_view given) override;
  void OnDrain() override;

  // For the dialects.
  PredictService& predict() { return *predict_; }
  RestShared& shared() { return shared_; }
  graphql::Endpoint& graphql() { return *graphql_; }
  bool Ready();
  void Answer(Call& call, int status, std::string_view content_type, std::string_view body, net::ReplyHeader extra = {});
  // A page or one of its files: never framed by another site, never taken for another type than `content_type`.
  void AnswerPage(Call& call, std::string_view content_type, std::string_view body, std::string_view cache_control,
                  std::string_view content_security_policy);
  void AnswerError(Call& call, const Status& status, const RefusedRows& refused = {}, net::ReplyHeader extra = {});
  // Has a worker of `pool` make the answer. UNAVAILABLE, when too many wait there.
  void AnswerLater(Call& call, OffloadPool& pool, std::function<StatusOr<Reply>()> work);
  // Answers a request whose model could not be resolved: where it is one that is loaded on demand, when it has been loaded, by handling the
  // request again from its beginning.
  void AnswerUnresolved(Call& call, std::string_view model, std::string_view version, const Status& status);
  // The version that a model's label points to now. NOT_FOUND names the nearest label, or model.
  StatusOr<std::string> VersionOfLabel(std::string_view model, std::string_view label);
  // Takes a scratch for `call` with the target resolved; null when that failed (then it has been answered).
  PredictScratch* BeginPredict(Call& call, std::string_view model, std::string_view version, PredictWriter writer);
  // Scores the batch that a dialect's parser filled and answers; `parsed` is what the parser said.
  void FinishPredict(Call& call, PredictScratch* scratch, const Status& parsed);
  // What the target's rows are read into.
  const ColumnIndex& Columns(const PredictTarget& target);

 private:
  // What this thread keeps for a loaded version.
  struct PerVersion {
    std::weak_ptr<const LoadedModel> loaded;
    std::unique_ptr<ColumnIndex> columns;
    std::shared_ptr<const TableShape> plan_table;  // a traffic plan's, where that is not the version's own
    std::unique_ptr<ColumnIndex> plan_columns;
    Counter* predictions = nullptr;
    Counter* refused = nullptr;
    InferCell* infer = nullptr;
  };
  // A control request that a worker is answering.
  struct Pending {
    std::shared_ptr<net::Deferred> deferred;
    const Route* route = nullptr;
    std::string request_id;
    int64_t arrived_ns = 0;
    std::string_view accept_encoding;  // the request's, which stays until the answer is complete
  };

  // A request that waits for its model. The body and headers that it views stay while it has its deferred answer.
  struct Parked {
    std::shared_ptr<net::Deferred> deferred;
    net::HttpRequest request;
    RequestContext context;
    std::string request_id;  // that context views
    std::string encoding, accept_encoding;
    const Route* route = nullptr;
  };

  void Dispatch(Call& call);
  void Run(Call& call);
  void Unpark(uint64_t ticket, const Status& status);
  void GiveUpParked();
  void ForgetUnloaded();
  void EndTurn();
  void IdleTurn();
  void MakeContext(Call& call);
  void MakeRequestId(std::array<char, 16>* made);
  void Offload(Call& call);
  void LaterDone(uint64_t ticket, const StatusOr<Reply>& reply);
  void Settle(PredictScratch* scratch, const Status& status, net::Exchange* exchange);
  void CountRows(const PredictScratch& scratch, bool refused);
  // Returns the time that it took for now.
  int64_t Count(const Route* route, int status, int64_t arrived_ns);
  Status Unpack(Call& call) const;
  std::string ErrorText(const Route* route, const Status& status, std::string_view request_id, const RefusedRows& refused, int* http,
                        std::string_view* content_type) const;
  PerVersion& PerVersionOf(const ServedVersion& version);

  RestShared& shared_;
  net::EventLoop& loop_;
  std::unique_ptr<PredictService> predict_;
  Random random_;
  std::function<void(std::function<void()>)> post_;
  std::vector<std::unique_ptr<PredictScratch>> scratches_;  // all
  std::vector<PredictScratch*> free_;
  std::vector<PerVersion> versions_;                             // by ServedVersion::slot
  std::array<std::array<Counter*, 600>, kDialects> requests_{};  // by HTTP status
  std::array<Histogram*, kDialects> durations_{};
  std::unordered_map<uint64_t, Pending> pending_;
  uint64_t next_ticket_ = 1;
  std::unordered_map<uint64_t, Parked> parked_;
  int64_t idle_turns_ = 0;
  bool turn_is_due_ = false;     // a timer will end a turn soon
  std::shared_ptr<bool> alive_;  // false once this is destroyed; read on the loop's thread only
  std::unique_ptr<graphql::Endpoint> graphql_;
};

}  // namespace vigil
