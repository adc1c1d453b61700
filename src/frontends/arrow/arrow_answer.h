// An answer in Arrow's stream format: one record batch.
#pragma once

#include <string>
#include <string_view>

#include "domain/schema.h"
#include "prediction/pipeline.h"

namespace vigil {

// Appends a stream with a row for each of `rows`: `prediction_id` (where rows have one); the prediction, as a column `prediction` of the
// output's type, or a column by name of each of several outputs (more than one element a row are a fixed-size list, a map is a struct by
// its keys; a refused row is null); and `version` where not one version answered every row. The schema's metadata has `model`, `version`,
// `warnings` (a JSON list), and, of an answer with refused rows, `errors` (a JSON object, as in JSON's answer).
void AppendArrowAnswer(const PredictResult& result, const Signature& signature, std::string_view model, size_t rows, std::string* out);

}  // namespace vigil
