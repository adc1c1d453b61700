// Small things that the prediction log's tests share: a schema, records that can be told apart, and whole-log reads.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/prediction_log.h"

namespace vigil::testing {

inline LogSchema FraudSchema(const std::string& version = "1", size_t columns = 3) {
  LogSchema schema;
  schema.model = "fraud";
  schema.version = version;
  for (size_t i = 0; i < columns; ++i) schema.columns.push_back(absl::StrCat("c", i));
  schema.outputs = {"prediction"};
  return schema;
}

// Record `i` of a known sequence; owns what its PredictionRecord refers to.
struct NumberedRecord {
  std::string id, entity, arm = "champion";
  std::vector<float> features, outputs;
  std::vector<uint8_t> cleaning;
  PredictionRecord record;

  NumberedRecord(uint32_t schema, int64_t i, size_t columns = 3) : id(absl::StrCat("tx-", i)), entity(absl::StrCat("cust-", i % 7)) {
    for (size_t c = 0; c < columns; ++c) features.push_back(static_cast<float>(i) + 0.25f * static_cast<float>(c));
    if (columns > 1 && i % 5 == 0) features[1] = NAN;
    if (i % 3 == 0) cleaning.assign(columns, static_cast<uint8_t>(Cleaning::kClamped));
    outputs = {1.0f / static_cast<float>(i + 1)};
    record.schema = schema;
    record.time = 1'000'000 + i * 1000;
    record.latency_us = static_cast<uint32_t>(100 + i);
    record.id = id;
    record.entity = entity;
    record.arm = arm;
    record.features = features;
    record.cleaning = cleaning;
    record.outputs = outputs;
  }
};

inline std::vector<LoggedPrediction> ReadAll(const PredictionLog& log, const LogQuery& query = {}) {
  std::vector<LoggedPrediction> all;
  const Status status = log.Scan(query, [&](const LoggedPrediction& prediction) {
    all.push_back(prediction);
    return true;
  });
  if (!status.ok()) all.push_back({.id = absl::StrCat("scan failed: ", status.message())});
  return all;
}

}  // namespace vigil::testing
