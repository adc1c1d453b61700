// A model as something that scores a batch. The runtime knows nothing of versions, traffic or HTTP.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "domain/batch.h"
#include "domain/schema.h"
#include "domain/table_shape.h"

namespace vigil {

struct ModelInfo {
  std::string format;                                      // "xgboost-json", "xgboost-ubj", "fake", ...
  std::string library;                                     // what wrote it: "xgboost 3.2.0"; empty: unknown
  std::string engine;                                      // the engine in use: "byte-rank", "float-interleaved", "reference", ...
  std::string engine_reason;                               // one sentence: why that one
  int64_t memory_bytes = 0;                                // resident, about
  int64_t best_rounds = 0;                                 // rounds up to the early-stopping one (a ScoreCall::tree_limit); 0: unknown
  std::string digest;                                      // sha256 of the artefact
  std::vector<std::pair<std::string, std::string>> facts;  // for `vigil inspect`: trees, depth, objective, ...
};

// What one scoring call asks for, and by when.
struct ScoreCall {
  bool margin = false;  // also a `margin` output, before the objective's transform
  // Also a `contributions` output, FP64: how much each column moved the margin, and the bias last, adding up to the margin:
  // [n, columns + 1], or [n, k, columns + 1] with k margins a row. FAILED_PRECONDITION, saying why, where a model has none.
  bool contributions = false;
  bool leaves = false;              // also a `leaves` output, INT32 [n, trees]: the leaf reached in each tree, as the file numbers both
  bool doubles = false;             // outputs of a model that computes in doubles come as FP64 instead of rounded to FP32
  int64_t tree_limit = 0;           // rounds to use; 0: all
  int64_t deadline_ns = INT64_MAX;  // Clock::MonotonicNs; a runtime that answers later gives up with DEADLINE_EXCEEDED
  // Called exactly once, on the calling thread's loop, if and only if Score returned kLater.
  std::function<void(Status)> done;
  // Runs a function on the calling thread's loop; set by callers that can wait. A runtime that answers later needs it.
  std::function<void(std::function<void()>)> post;
};

enum class ScoreState : uint8_t { kDone, kLater };

// Scores on one thread at a time; keeps that thread's scratch memory, so that a warm call allocates nothing.
class Scorer {
 public:
  virtual ~Scorer() = default;
  // Fills `outputs` in the signature's order. kDone: they are ready now. kLater: `call.done` will be called, and `batch` and
  // `outputs` must stay until then. A batch whose tensors do not fit the signature is INVALID_ARGUMENT.
  virtual StatusOr<ScoreState> Score(const Batch& batch, ScoreCall& call, Outputs* outputs) = 0;
};

// A loaded model. Immutable; any thread may call; destroying it gives its memory back.
class LoadedModel {
 public:
  virtual ~LoadedModel() = default;
  virtual const Signature& signature() const = 0;
  virtual const ModelInfo& info() const = 0;
  virtual std::unique_ptr<Scorer> NewScorer() const = 0;

  // The signature as a table, made when first asked for.
  const TableShape& table() const;

 private:
  mutable std::once_flag table_once_;
  mutable TableShape table_;
};

struct LoadOptions {
  bool self_check = true;  // compare the chosen engine with the plain walk on generated rows before the model is served
  std::string engine;      // force one engine by name; empty: choose
  std::string signature;   // of a model that has several (TensorFlow); empty: its default
  uint64_t seed = 1;       // of the self-check's rows
};

// Knows one family of formats. Errors: UNIMPLEMENTED names a feature that is real but not served; INVALID_ARGUMENT a broken file, with
// the file's name and the place; NOT_FOUND / PERMISSION_DENIED from the file system. Exit code 4 for all of them.
class ModelLoader {
 public:
  virtual ~ModelLoader() = default;
  // What it serves, for messages: "XGBoost JSON (.json)".
  virtual std::vector<std::string> Formats() const { return {}; }
  // True if this loader is the one to try, from the name and the first bytes; never opens more than it is given.
  virtual bool Recognises(const std::string& path, std::string_view head) const = 0;
  virtual StatusOr<std::unique_ptr<LoadedModel>> Load(const std::string& path, const LoadOptions& options) const = 0;

  // True if this loader is the one to try on a URL, which nobody fetches: a model behind a server.
  virtual bool RecognisesUrl(const std::string& /*url*/) const { return false; }
  // True if this loader is the one to try on a directory, from the names in it.
  virtual bool RecognisesDirectory(const std::string& path) const;
  // A directory that was recognised; what is inside may be handed on to `all`, the loaders of this process.
  virtual StatusOr<std::unique_ptr<LoadedModel>> LoadDirectory(const std::string& path, const LoadOptions& options,
                                                               const std::vector<std::unique_ptr<ModelLoader>>& all) const;
};

inline constexpr int64_t kModelFileBytesMax = int64_t{8} << 30;

// Reads the head of `path` and hands it to the first loader that recognises it; a directory goes by the names in it, a URL by itself. What
// none recognises is INVALID_ARGUMENT naming the known formats (and, for pickles, how to export to a safe one).
StatusOr<std::unique_ptr<LoadedModel>> LoadModel(const std::vector<std::unique_ptr<ModelLoader>>& loaders, const std::string& path,
                                                 const LoadOptions& options);

}  // namespace vigil
