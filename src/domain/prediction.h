// One logged prediction.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "base/clock.h"
#include "base/ids.h"
#include "domain/schema.h"

namespace vigil {

enum class PredictionStatus : uint8_t { kOk = 0, kRefused = 1, kFailed = 2, kShadow = 3 };
std::string_view PredictionStatusName(PredictionStatus status);

// Refers to a log schema (model, version, column and output names) by number; see storage/prediction_log.h. All views: the log copies
// what it keeps.
struct PredictionRecord {
  PredictionId prediction_id;
  uint32_t schema = 0;
  TimeUs time = 0;  // the prediction's own time (event time when the caller gave one)
  uint32_t latency_us = 0;
  PredictionStatus status = PredictionStatus::kOk;
  std::string_view id;  // the caller's own; empty: none
  std::string_view entity;
  std::string_view arm;
  absl::Span<const float> features;    // as received, before cleaning; NaN: missing. Of a text 0, of an exact column rounded
  absl::Span<const uint8_t> cleaning;  // Cleaning, one a feature; empty: nothing was touched
  absl::Span<const float> outputs;     // the score (ScoreRule); empty when refused
  // Of columns that a float cannot hold, in the order of TableShape's stores.
  absl::Span<const double> exact;
  absl::Span<const std::string_view> texts;
  // The whole answer where it is more than the score: its numbers and its texts, each in the order of TableShape::answers.
  absl::Span<const double> answer_numbers;
  absl::Span<const std::string_view> answer_texts;
};

}  // namespace vigil
