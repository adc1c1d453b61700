// What the Open Inference Protocol's two forms, REST and gRPC, do with a request once it is read, and say of its answer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "domain/request_context.h"
#include "frontends/rows/columns.h"
#include "frontends/tensors/oip_request.h"
#include "prediction/pipeline.h"

namespace vigil {

inline constexpr int64_t kOipTimeoutUsMax = int64_t{24} * 3600 * 1'000'000;

// The parameters of an answer beside the protocol's own.
inline constexpr std::string_view kOipPredictionIds = "prediction_ids";  // of the whole answer
inline constexpr std::string_view kOipKeys = "keys";                     // of an output of maps

// Makes rows of a request's tensors (FillFromTensors), gives them its ids, entities and times, and the request its deadline.
// INVALID_ARGUMENT names an output that the model does not have, or whatever else does not fit.
Status FillFromOip(const OipRequest& request, const Signature& signature, const ColumnIndex& columns, RequestContext* context,
                   RowBatch* batch, std::vector<uint32_t>* absent, Batch* whole);

// How an output is wanted; null: the request names others only, or none at all.
const OipOutput* FindOipOutput(const OipRequest& request, std::string_view output);

// "a,b,c": parameters are scalars in this protocol, hence one text.
void AppendPredictionIds(const PredictResult& result, std::string* out);
// The keys of an output of maps, as the text of a JSON list.
std::string OipKeysText(const std::vector<std::string>& keys);

}  // namespace vigil
