// A label that came late.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"

namespace vigil {

// Names its prediction by one of the two ids. `prediction_id` wins when both are given.
struct Label {
  std::string prediction_id;  // text form, or empty
  std::string id;             // the caller's own, or empty
  double value = 0;           // class index or target
  TimeUs observed_at = 0;     // when it was known; 0: when it arrived
};

// A prediction and the label it got: what performance is computed from.
struct LabelledPrediction {
  PredictionId prediction_id;
  uint32_t schema = 0;  // log schema: model, version
  TimeUs time = 0;      // of the prediction
  TimeUs label_time = 0;
  uint32_t latency_us = 0;
  std::string arm;
  std::vector<float> outputs;
  double label = 0;
  bool replaced = false;      // an earlier label for this prediction is replaced
  double previous_label = 0;  // when replaced
  uint64_t entity_hash = 0;   // StableHash of the entity; 0: none
};

struct LabelCounts {
  int64_t accepted = 0;
  int64_t unmatched = 0;
  int64_t duplicate = 0;  // same value for the same prediction again
};

}  // namespace vigil
