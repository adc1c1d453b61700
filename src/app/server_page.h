// The report page of a running server, read over its API.
#pragma once

#include <string>

#include "base/status.h"
#include "net/client.h"
#include "report/report.h"

namespace vigil {

// Every kind of monitoring of `model` by day, its alerts and its timeline. NOT_FOUND for an unknown model.
StatusOr<report::Page> ReadServerPage(net::HttpClient& client, const std::string& model);

}  // namespace vigil
