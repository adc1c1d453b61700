// A prediction service over one linear model: the sum of a row's present features plus the version's number times ten.
#pragma once

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "frontends/words.h"
#include "runtime/input_tensors.h"
#include "runtime/score_and_wait.h"
#include "runtime/testing/fake_model.h"
#include "service/predict_service.h"

namespace vigil::testing {

class LinearModel final : public LoadedModel {
 public:
  LinearModel(std::vector<std::string> columns, int64_t width) {
    signature_.columns = std::move(columns);
    signature_.columns_are_named = true;
    signature_.inputs = {{"input", DType::kFloat32, {-1, static_cast<int64_t>(signature_.columns.size())}}};
    signature_.outputs = {{"prediction", DType::kFloat32, width == 1 ? std::vector<int64_t>{-1} : std::vector<int64_t>{-1, width}}};
    signature_.output_width = width;
    info_.format = "linear";
  }
  const Signature& signature() const override { return signature_; }
  const ModelInfo& info() const override { return info_; }
  std::unique_ptr<Scorer> NewScorer() const override { return nullptr; }

 private:
  Signature signature_;
  ModelInfo info_;
};

inline std::shared_ptr<const ServedVersion> MakeVersion(const std::string& model, const std::string& version, uint32_t slot,
                                                        std::vector<std::string> columns, int64_t width = 1) {
  auto served = std::make_shared<ServedVersion>();
  served->facts.model = model;
  served->facts.version = version;
  served->slot = slot;
  served->loaded = std::make_shared<LinearModel>(std::move(columns), width);
  return served;
}

// Models: "fraud" (amount, hour; versions 1 and 3, champion 3), "iris" (four columns, three outputs), "empty" (no champion).
class FakePredict final : public PredictService {
 public:
  FakePredict() {
    auto snapshot = std::make_shared<RegistrySnapshot>();
    auto fraud = std::make_shared<ServedModel>();
    fraud->name = "fraud";
    fraud->versions["1"] = MakeVersion("fraud", "1", 0, {"amount", "hour"});
    fraud->versions["3"] = fraud->champion = MakeVersion("fraud", "3", 1, {"amount", "hour"});
    snapshot->models.Set("fraud", fraud);
    auto iris = std::make_shared<ServedModel>();
    iris->name = "iris";
    iris->versions["1"] = iris->champion = MakeVersion("iris", "1", 2, {"sepal_length", "sepal_width", "petal_length", "petal_width"}, 3);
    snapshot->models.Set("iris", iris);
    snapshot_ = snapshot;
  }

  // A model without a champion beside the others.
  void AddUnready() {
    auto snapshot = std::make_shared<RegistrySnapshot>(*snapshot_);
    auto empty = std::make_shared<ServedModel>();
    empty->name = "empty";
    snapshot->models.Set("empty", empty);
    snapshot_ = snapshot;
  }

  void SetLabel(const std::string& model, const std::string& label, const std::string& version) {
    auto snapshot = std::make_shared<RegistrySnapshot>(*snapshot_);
    auto labelled = std::make_shared<ServedModel>(*snapshot->models.find(model)->second);
    labelled->labels[label] = version;
    snapshot->models.Set(model, labelled);
    snapshot_ = snapshot;
  }

  // "lazy" (amount, hour; version 1), not loaded: at once when asked for, or never when it was unloaded by name.
  void AddOnDemand(bool unloaded = false) { SetLazy(unloaded, nullptr); }
  Status Load(std::string_view model, std::string_view version, std::function<void(Status)> done) override {
    const auto found = snapshot_->models.find(model);
    if (found == snapshot_->models.end() || !found->second->on_demand) return PredictService::Load(model, version, std::move(done));
    if (found->second->unloaded) return absl::UnavailableError("lazy was unloaded");
    ++loads;
    SetLazy(false, MakeVersion("lazy", "1", 5, {"amount", "hour"}));
    done(absl::OkStatus());
    return absl::OkStatus();
  }

  // "mixed": testing::MixedColumns, and "doubles": testing::SumOfDoubles(2), scored by the fake runtime.
  void AddMixed() {
    auto snapshot = std::make_shared<RegistrySnapshot>(*snapshot_);
    const auto add = [&](const std::string& name, uint32_t slot, FakeModelOptions options) {
      auto version = std::make_shared<ServedVersion>();
      version->facts.model = name;
      version->facts.version = "1";
      version->slot = slot;
      version->loaded = std::make_shared<FakeModel>(std::move(options), clock_);
      auto model = std::make_shared<ServedModel>();
      model->name = name;
      model->versions["1"] = model->champion = version;
      snapshot->models.Set(name, model);
    };
    add("mixed", 3, MixedColumns());
    add("doubles", 4, SumOfDoubles(2));
    snapshot_ = snapshot;
  }

  StatusOr<PredictTarget> Resolve(std::string_view model, std::string_view version) override {
    if (model.empty()) model = default_model;
    if (model.empty()) return absl::InvalidArgumentError("name a model: fraud, iris");
    const auto found = snapshot_->models.find(model);
    if (found == snapshot_->models.end())
      return absl::NotFoundError(Concat("no model \"", model, "\"", DidYouMean(model, {"fraud", "iris"})));
    const std::shared_ptr<const ServedModel>& served = found->second;
    if (served->champion == nullptr) return absl::UnavailableError("no champion");
    if (version.empty()) return PredictTarget{served, served->champion, false};
    const auto at = served->versions.find(std::string(version));
    if (at == served->versions.end()) return absl::NotFoundError(Concat("no version \"", version, "\""));
    return PredictTarget{served, at->second, true};
  }

  StatusOr<ScoreState> Predict(const RequestContext& context, const PredictTarget& target, RowBatch& batch, PredictResult* result,
                               std::function<void(std::function<void()>)> post,
                               std::function<void(StatusOr<PredictResult>)> done) override {
    last_context = context;
    last_ids.assign(batch.ids.begin(), batch.ids.end());
    last_entities.assign(batch.entities.begin(), batch.entities.end());
    last_times = batch.times;
    if (!fail.ok()) return fail;
    if (!later) {
      const Status status = Score(target, batch, result);
      if (!status.ok()) return status;
      return ScoreState::kDone;
    }
    post([this, &target, &batch, done = std::move(done)] {
      PredictResult late;
      const Status status = Score(target, batch, &late);
      status.ok() ? done(late) : done(status);
    });
    return ScoreState::kLater;
  }

  const std::shared_ptr<const RegistrySnapshot>& Models() override { return snapshot_; }
  bool EndTurn() override {
    ++turns;
    return false;
  }
  PipelineCounters counters() const override { return {}; }

  std::string default_model;
  Status fail;
  bool later = false;
  bool two_versions = false;  // rows alternate between versions 3 and 1
  int turns = 0;
  int loads = 0;
  RequestContext last_context;
  std::vector<std::string> last_ids, last_entities;
  std::vector<TimeUs> last_times;

 private:
  void SetLazy(bool unloaded, std::shared_ptr<const ServedVersion> version) {
    auto lazy = std::make_shared<ServedModel>();
    lazy->name = "lazy";
    lazy->on_demand = true;
    lazy->champion_version = "1";
    lazy->unloaded = unloaded;
    lazy->champion = version;
    if (version != nullptr) lazy->versions["1"] = std::move(version);
    auto snapshot = std::make_shared<RegistrySnapshot>(*snapshot_);
    snapshot->models.Set("lazy", lazy);
    snapshot_ = snapshot;
  }

  Status Score(const PredictTarget& target, RowBatch& batch, PredictResult* result) {
    refused_.assign(batch.error_count > 0 ? batch.rows : 0, 0);
    for (const uint32_t row : batch.error_rows) refused_[row] = 1;
    result->errors = batch.errors;
    result->error_count = batch.error_count;
    if (batch.error_count > 0 && !batch.partial) return absl::InvalidArgumentError("rows were refused");
    const TableShape& shape = target.version->loaded->table();
    const size_t width = shape.score.width;
    outputs_.assign(batch.rows * width, 0);
    ids_.clear();
    versions_.clear();
    for (size_t row = 0; row < batch.rows; ++row) {
      float sum = 10.0f * static_cast<float>(target.version->facts.version[0] - '0');
      for (size_t c = 0; c < batch.columns; ++c) {
        const float value = batch.values[row * batch.columns + c];
        if (!std::isnan(value)) sum += value;
      }
      for (size_t k = 0; k < width; ++k) outputs_[row * width + k] = sum + static_cast<float>(k);
      ids_.push_back({row + 1});
      if (two_versions) versions_.push_back(row % 2 == 0 ? "3" : "1");
    }
    result->tensors = {};
    if (!shape.single_output && batch.error_count == 0) {
      Batch inputs;
      const Status filled = tensors_.Fill(target.version->loaded->signature(), shape, batch.table(shape), {}, &inputs);
      if (!filled.ok()) return filled;
      ScoreCall call;
      const Status scored = ScoreAndWait(*target.version->loaded->NewScorer(), inputs, call, &answers_);
      if (!scored.ok()) return scored;
      result->tensors = answers_.tensors;
    }
    result->version = target.version->facts.version;
    result->outputs = outputs_;
    result->width = width;
    result->shape = &target.version->loaded->table();
    result->prediction_ids = ids_;
    result->refused = refused_;
    result->versions = versions_;
    result->warnings = batch.warnings;
    return absl::OkStatus();
  }

  FakeClock clock_{0};
  InputTensors tensors_;
  Outputs answers_;
  std::shared_ptr<const RegistrySnapshot> snapshot_;
  std::vector<float> outputs_;
  std::vector<PredictionId> ids_;
  std::vector<uint8_t> refused_;
  std::vector<std::string_view> versions_;
};

}  // namespace vigil::testing
