// Scoring of data frames as MLflow's server, SageMaker's containers, Vertex AI and Azure ML do it: a frame in, its predictions out.
#pragma once

#include <string_view>

#include "frontends/rest/rest_handler.h"

namespace vigil {

// The body as JSON of `form`, whatever else the content type says it is being a Failure of kUnsupportedMediaType.
Status ReadJsonFrame(const Call& call, JsonForm form, const ColumnIndex& columns, PredictScratch* scratch);

// MLflow's POST /invocations, which is also that of SageMaker's containers, and theirs for one model of many: application/json, text/csv
// with or without a header, application/jsonlines, and Triton's binary tensors. Answered in the form that Accept names among
// application/json, text/csv and application/jsonlines; in JSON where it names none of them. `model` empty: X-Vigil-Model, else the
// default.
void InvokeFrame(RestHandler& handler, Call& call, std::string_view model);

// {"predictions":[...]}
void WritePredictions(PredictScratch& scratch, std::string* body);

}  // namespace vigil
