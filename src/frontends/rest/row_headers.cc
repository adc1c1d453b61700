#include "frontends/rest/row_headers.h"

#include <string_view>
#include <utility>

#include "frontends/rows/row_lists.h"

namespace vigil {

Status FillFromHeaders(const net::HttpRequest& request, RowBatch* batch) {
  constexpr std::pair<std::string_view, RowHeader> kHeaders[] = {
      {"X-Vigil-Ids", RowHeader::kIds}, {"X-Vigil-Entities", RowHeader::kEntities}, {"X-Vigil-Times", RowHeader::kTimes}};
  for (const auto& [name, what] : kHeaders) {
    const std::string_view list = request.header(name);
    if (list.empty()) continue;
    if (what == RowHeader::kIds) batch->ids.clear();
    if (what == RowHeader::kEntities) batch->entities.clear();
    if (what == RowHeader::kTimes) batch->times.clear();
    VIGIL_RETURN_IF_ERROR(FillFromList(list, what, name, batch));
  }
  return absl::OkStatus();
}

}  // namespace vigil
