// "What served at 14:03, and who decided": the timeline read back to one moment.
#pragma once

#include <string>

#include "base/status.h"
#include "service/operations.h"
#include "storage/catalog.h"

namespace vigil {

// Reads the model's events from the newest that is not after `time` back to its registration, page by page.
StatusOr<ServedAt> FoldTimeline(Catalog& catalog, const std::string& model, TimeUs time);

}  // namespace vigil
