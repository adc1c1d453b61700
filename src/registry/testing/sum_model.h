// A tiny real model for tests: a file "sum BIAS COLUMN,COLUMN,..." answers BIAS plus the sum of a row's present features. Scorers count
// themselves, can be told to fail, and can answer later.
#pragma once

#include <sched.h>

#include <atomic>
#include <cmath>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "runtime/model.h"

namespace vigil::testing {

// Shared by every model of one loader. Any thread.
struct SumBehaviour {
  std::atomic<int> models_alive{0};
  std::atomic<int> scorers_alive{0};
  std::atomic<int> loads{0};
  std::atomic<int> load_policy{-1};  // the scheduling class of the thread that loaded last
  std::atomic<int64_t> batches{0};
  std::atomic<bool> fail{false};       // Score answers INTERNAL ...
  std::atomic<float> fail_bias{-1e9};  // ... and so do models with this bias
  std::atomic<bool> later{false};      // Score answers later, through call.post
};

class SumModel final : public LoadedModel {
 public:
  SumModel(float bias, std::vector<std::string> columns, std::string digest, SumBehaviour& behaviour) : bias_(bias), behaviour_(behaviour) {
    signature_.columns = std::move(columns);
    signature_.columns_are_named = true;
    signature_.task = Task::kRegression;
    signature_.inputs = {{"input", DType::kFloat32, {-1, static_cast<int64_t>(signature_.columns.size())}}};
    signature_.outputs = {{"prediction", DType::kFloat32, {-1}}};
    info_.format = "sum";
    info_.digest = std::move(digest);
    ++behaviour_.models_alive;
  }
  ~SumModel() override { --behaviour_.models_alive; }
  const Signature& signature() const override { return signature_; }
  const ModelInfo& info() const override { return info_; }
  std::unique_ptr<Scorer> NewScorer() const override { return std::make_unique<SumScorer>(*this); }

 private:
  class SumScorer final : public Scorer {
   public:
    explicit SumScorer(const SumModel& model) : model_(model) { ++model_.behaviour_.scorers_alive; }
    ~SumScorer() override { --model_.behaviour_.scorers_alive; }
    StatusOr<ScoreState> Score(const Batch& batch, ScoreCall& call, Outputs* outputs) override {
      ++model_.behaviour_.batches;
      if (model_.behaviour_.later) {
        if (!call.post) return absl::FailedPreconditionError("sum: needs a loop to answer later");
        auto post = call.post;
        post([this, &batch, &call, outputs] {
          const Status status = Fill(batch, outputs);
          call.done(status);
        });
        return ScoreState::kLater;
      }
      const Status status = Fill(batch, outputs);
      if (!status.ok()) return status;
      return ScoreState::kDone;
    }

   private:
    Status Fill(const Batch& batch, Outputs* outputs) {
      if (model_.behaviour_.fail || model_.behaviour_.fail_bias == model_.bias_) return absl::InternalError("sum: told to fail");
      const float* values = batch.float_matrix();
      if (values == nullptr || batch.width() != model_.signature_.columns.size()) return absl::InvalidArgumentError("sum: wrong batch");
      outputs->tensors.resize(1);
      const auto out = outputs->tensors[0].ResetFloats("prediction", {static_cast<int64_t>(batch.rows())});
      for (size_t row = 0; row < batch.rows(); ++row) {
        out[row] = model_.bias_;
        for (size_t i = 0; i < batch.width(); ++i, ++values) out[row] += std::isnan(*values) ? 0 : *values;
      }
      return absl::OkStatus();
    }
    const SumModel& model_;
  };

  const float bias_;
  SumBehaviour& behaviour_;
  Signature signature_;
  ModelInfo info_;
};

class SumLoader final : public ModelLoader {
 public:
  explicit SumLoader(SumBehaviour& behaviour) : behaviour_(behaviour) {}
  bool Recognises(const std::string&, std::string_view head) const override { return head.starts_with("sum "); }
  StatusOr<std::unique_ptr<LoadedModel>> Load(const std::string& path, const LoadOptions&) const override {
    std::ifstream in(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    std::istringstream words(text);
    std::string magic, names;
    float bias = 0;
    if (!(words >> magic >> bias >> names)) return absl::InvalidArgumentError(path + ": broken");
    std::vector<std::string> columns;
    std::istringstream list(names);
    for (std::string name; std::getline(list, name, ',');) columns.push_back(name);
    ++behaviour_.loads;
    behaviour_.load_policy = sched_getscheduler(0);
    return std::make_unique<SumModel>(bias, std::move(columns), Sha256Hex(text), behaviour_);
  }

 private:
  SumBehaviour& behaviour_;
};

// The only loader of `behaviour`'s models.
inline std::vector<std::unique_ptr<ModelLoader>> SumLoaders(SumBehaviour& behaviour) {
  std::vector<std::unique_ptr<ModelLoader>> loaders;
  loaders.push_back(std::make_unique<SumLoader>(behaviour));
  return loaders;
}

// Writes such a model's file.
inline void WriteSumModel(const std::string& path, float bias, const std::string& columns = "a,b") {
  std::ofstream(path, std::ios::binary) << "sum " << bias << " " << columns << "\n";
}

}  // namespace vigil::testing
