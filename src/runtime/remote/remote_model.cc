#include <utility>

#include "base/hash.h"
#include "runtime/cat.h"
#include "runtime/fit.h"
#include "runtime/remote/address.h"
#include "runtime/remote/call_pool.h"
#include "runtime/remote/dialect.h"
#include "runtime/remote/loader.h"

namespace vigil::remote {
namespace {

// What calls in flight need, though their model may have been unloaded.
struct Served {
  std::unique_ptr<Dialect> dialect;
  Signature signature;
};

class RemoteScorer final : public Scorer {
 public:
  RemoteScorer(std::shared_ptr<const Served> served, std::shared_ptr<CallPool> pool) : served_(std::move(served)), pool_(std::move(pool)) {}

  StatusOr<ScoreState> Score(const Batch& batch, ScoreCall& call, Outputs* outputs) override {
    VIGIL_RETURN_IF_ERROR(CheckFits(served_->signature, batch));
    if (batch.rows() == 0) {
      FillEmpty(served_->signature, outputs);
      return ScoreState::kDone;
    }
    if (call.post == nullptr || call.done == nullptr) {
      return absl::FailedPreconditionError("this model answers later, and the caller cannot wait: ScoreCall needs post and done");
    }
    RemoteCall remote;
    remote.deadline_ns = call.deadline_ns;
    // The batch stays until `done`, which waits for `answer`.
    remote.body = [served = served_, &batch] { return served->dialect->Encode(served->signature, batch); };
    remote.answer = [served = served_, rows = batch.rows(), post = call.post, done = call.done, outputs](StatusOr<RemoteAnswer> answer) {
      // Parsed here, on the pool's thread: a loop has other things to do.
      auto decoded = std::make_shared<Outputs>();
      Status status = answer.status();
      if (answer.ok() && answer->status == 200) {
        status = served->dialect->Decode(served->signature, rows, answer->body, decoded.get());
      } else if (answer.ok()) {
        status = ErrorOf(answer->status, answer->body);
      }
      post([done, outputs, decoded, status] {
        if (status.ok()) *outputs = std::move(*decoded);
        done(status);
      });
    };
    VIGIL_RETURN_IF_ERROR(pool_->Submit(std::move(remote)));
    return ScoreState::kLater;
  }

 private:
  const std::shared_ptr<const Served> served_;
  const std::shared_ptr<CallPool> pool_;
};

class RemoteModel final : public LoadedModel {
 public:
  RemoteModel(std::shared_ptr<const Served> served, ModelInfo info, std::shared_ptr<CallPool> pool)
      : served_(std::move(served)), info_(std::move(info)), pool_(std::move(pool)) {}
  const Signature& signature() const override { return served_->signature; }
  const ModelInfo& info() const override { return info_; }
  std::unique_ptr<Scorer> NewScorer() const override { return std::make_unique<RemoteScorer>(served_, pool_); }

 private:
  const std::shared_ptr<const Served> served_;
  const ModelInfo info_;
  const std::shared_ptr<CallPool> pool_;
};

std::string Describe(const Signature& signature) {
  std::string text;
  for (const auto* specs : {&signature.inputs, &signature.outputs}) {
    for (const TensorSpec& spec : *specs) {
      text += Cat(spec.name, "\n", DTypeName(spec.dtype));
      for (const int64_t size : spec.shape) text += Cat(" ", size);
      text += "\n";
    }
    text += "\n";
  }
  return text;
}

// What every runtime fills in: made-up columns of a single matrix, numbers a row.
void Complete(Signature* signature) {
  const TensorSpec& only = signature->inputs[0];
  if (signature->inputs.size() == 1 && only.dtype == DType::kFloat32 && only.shape.size() == 2 && only.shape[1] > 0 &&
      only.shape[1] <= 1 << 20) {
    for (int64_t c = 0; c < only.shape[1]; ++c) signature->columns.push_back(Cat("f", c));
  }
  for (size_t d = 1; d < signature->outputs[0].shape.size(); ++d) {
    const int64_t size = signature->outputs[0].shape[d];
    if (size > 0 && size <= 1 << 20 && signature->output_width <= 1 << 20) signature->output_width *= size;
  }
}

class RemoteLoader final : public ModelLoader {
 public:
  RemoteLoader(Connect connect, const Clock& clock, const RemoteLimits& limits)
      : connect_(std::move(connect)), clock_(clock), limits_(limits) {}

  std::vector<std::string> Formats() const override { return {"a remote model (oip://host:port/model, tfs://host:port/model)"}; }
  bool Recognises(const std::string&, std::string_view) const override { return false; }
  bool RecognisesUrl(const std::string& url) const override { return IsRemoteAddress(url); }

  StatusOr<std::unique_ptr<LoadedModel>> Load(const std::string& path, const LoadOptions& options) const override {
    VIGIL_ASSIGN_OR_RETURN(const Address address, ParseAddress(path));
    StatusOr<std::unique_ptr<LoadedModel>> model = Open(address, options);
    if (model.ok()) return model;
    return Status(model.status().code(), Cat(path, ": ", model.status().message()));
  }

 private:
  StatusOr<std::unique_ptr<LoadedModel>> Open(const Address& address, const LoadOptions& options) const {
    auto served = std::make_shared<Served>();
    served->dialect = address.protocol == Protocol::kOip ? MakeOipDialect(address) : MakeTfsDialect(address);
    RemoteRequest request{"GET", served->dialect->MetadataTarget(), ""};
    Breaker breaker(limits_);
    const int64_t deadline_ns = clock_.MonotonicNs() + limits_.metadata_ms * 1'000'000;
    VIGIL_ASSIGN_OR_RETURN(const RemoteAnswer answer,
                           SendWithRetries(*connect_(address.base_url), std::move(request), deadline_ns, limits_, clock_, breaker));
    if (answer.status != 200) return ErrorOf(answer.status, answer.body);
    ModelInfo info;
    VIGIL_ASSIGN_OR_RETURN(served->signature, served->dialect->ReadMetadata(answer.body, options.signature, &info.facts));
    Complete(&served->signature);
    info.format = Cat("remote-", served->dialect->name());
    info.engine = "remote";
    info.engine_reason = Cat("scored by the server at ", address.base_url);
    info.digest = Sha256Hex(Cat(served->dialect->name(), "\n", address.model, "\n", address.version, "\n", Describe(served->signature)));
    auto pool = std::make_shared<CallPool>(address.base_url, served->dialect->ScoreTarget(), connect_, limits_, clock_);
    return std::make_unique<RemoteModel>(std::move(served), std::move(info), std::move(pool));
  }

  const Connect connect_;
  const Clock& clock_;
  const RemoteLimits limits_;
};

}  // namespace

std::unique_ptr<ModelLoader> MakeRemoteLoader(Connect connect, const Clock& clock, RemoteLimits limits) {
  return std::make_unique<RemoteLoader>(std::move(connect), clock, limits);
}

}  // namespace vigil::remote
