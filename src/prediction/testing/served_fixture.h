// A registry with sum models and a pipeline over memory fakes: what every pipeline test stands on.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/testing/paths.h"
#include "prediction/pipeline.h"
#include "prediction/testing/fakes.h"
#include "registry/testing/sum_model.h"
#include "storage/testing/fake_catalog.h"

namespace vigil::testing {

class ServedTest : public ::testing::Test {
 protected:
  ServedTest() : loaders_(SumLoaders(behaviour_)) {
    registry_ = std::make_unique<Registry>(
        catalog_, clock_, loaders_, [](const ServedVersion& version) -> StatusOr<uint32_t> { return 100 + version.slot; },
        RegistryOptions{});
    Start();
  }

  bool spaced_hand_over_ = false;  // else each turn hands over, so that a test sees its counts at once
  void Start(PipelineOptions options = {}) {
    if (!spaced_hand_over_) options.seal_interval_us = 0;
    pipeline_ = std::make_unique<Pipeline>(*registry_, &log_, &monitor_, clock_, &event_clock_, options);
  }

  // Registers a model that answers `bias` plus the sum of a row; the first of a name becomes its champion.
  void Serve(const std::string& model, float bias, std::shared_ptr<const Schema> schema = nullptr, const std::string& columns = "a,b") {
    VersionFacts facts;
    facts.model = model;
    facts.uri = dir_.file(model + std::to_string(files_++) + ".sum");
    WriteSumModel(facts.uri, bias, columns);
    const auto registered = registry_->Register(facts, LoadOptions{}, std::move(schema), nullptr, true);
    ASSERT_TRUE(registered.ok()) << registered.status();
  }

  // A schema of columns a and b; `change` edits a's rule.
  template <typename Change>
  static std::shared_ptr<Schema> SchemaOfA(Change change) {
    auto schema = std::make_shared<Schema>();
    schema->columns.resize(2);
    schema->columns[0].name = "a";
    schema->columns[1].name = "b";
    change(schema->columns[0]);
    return schema;
  }

  // Rows of two columns.
  RowBatch& Rows(std::vector<float> values) {
    batch_.Reset(2);
    batch_.rows = values.size() / 2;
    batch_.values = std::move(values);
    return batch_;
  }

  StatusOr<ScoreState> Predict(RowBatch& batch, const std::string& model = "m", const std::string& version = "") {
    const StatusOr<PredictTarget> target = pipeline_->Resolve(model, version);
    if (!target.ok()) return target.status();
    target_ = *target;
    return pipeline_->Predict(context_, target_, batch, &result_, post_, done_);
  }
  // The answer as a vector, or nothing when there is none.
  std::vector<float> Answer(RowBatch& batch, const std::string& model = "m", const std::string& version = "") {
    const StatusOr<ScoreState> state = Predict(batch, model, version);
    EXPECT_TRUE(state.ok()) << state.status();
    if (!state.ok()) return {};
    return {result_.outputs.begin(), result_.outputs.end()};
  }

  // Runs what was posted to the loop.
  void RunLoop() {
    while (!loop_.empty()) {
      const auto task = std::move(loop_.front());
      loop_.pop_front();
      task();
    }
  }
  void AnswerLater() {
    behaviour_.later = true;
    post_ = [this](std::function<void()> task) { loop_.push_back(std::move(task)); };
  }

  TempDir dir_;
  int files_ = 0;
  SumBehaviour behaviour_;
  FakeCatalog catalog_;
  FakeClock clock_{50'000'000};
  EventClock event_clock_;
  std::vector<std::unique_ptr<ModelLoader>> loaders_;
  std::unique_ptr<Registry> registry_;
  MemoryLog log_;
  MemoryMonitor monitor_;
  std::unique_ptr<Pipeline> pipeline_;

  RequestContext context_;
  RowBatch batch_;
  PredictTarget target_;
  PredictResult result_;
  std::deque<std::function<void()>> loop_;
  std::function<void(std::function<void()>)> post_;
  std::function<void(StatusOr<PredictResult>)> done_;
};

}  // namespace vigil::testing
