// A model's answers as JSON, shared by the dialects.
#pragma once

#include <string>

#include "prediction/pipeline.h"

namespace vigil {

// Predictions of `rows` rows as the items of a JSON list: a scalar, a list where a row has several numbers, an object where the model has
// several outputs, by their names (an output of maps is an object by its keys), null where the row was refused.
void AppendPredictions(const PredictResult& result, const Signature& signature, size_t rows, std::string* out);

}  // namespace vigil
