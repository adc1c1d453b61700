// A model's answers as JSON, shared by the dialects.
#pragma once

#include <string>

#include "prediction/pipeline.h"

namespace vigil {

// Element `i` of a tensor: a number (null when it is not finite), true or false, or a string.
void AppendElement(const OwnedTensor& tensor, size_t i, std::string* out);

// Predictions of `rows` rows as the items of a JSON list: a scalar, a list where a row has several numbers, an object where the model has
// several outputs, by their names (an output of maps is an object by its keys), null where the row was refused.
void AppendPredictions(const PredictResult& result, const Signature& signature, size_t rows, std::string* out);

}  // namespace vigil
