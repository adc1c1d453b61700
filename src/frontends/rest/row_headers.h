// What belongs to a request's rows but has no room in its dialect's bodies.
#pragma once

#include "base/status.h"
#include "net/http.h"
#include "prediction/pipeline.h"

namespace vigil {

// X-Vigil-Ids, -Entities and -Times: one item a row, separated by commas.
Status FillFromHeaders(const net::HttpRequest& request, RowBatch* batch);

}  // namespace vigil
