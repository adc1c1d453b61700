#include "frontends/rows/row_lists.h"

#include "base/text.h"
#include "frontends/errors.h"
#include "frontends/words.h"

namespace vigil {
namespace {

Status CountMismatch(std::string_view name, size_t count, size_t rows) {
  return Failure(ErrorCode::kInvalid, Concat("has ", count, count > rows ? " or more" : "", " items for ", rows, " rows"), name);
}

Status AddItem(std::string_view item, RowHeader what, std::string_view name, RowBatch* batch) {
  if (what != RowHeader::kTimes) {
    (what == RowHeader::kIds ? batch->ids : batch->entities).push_back(item);
    return absl::OkStatus();
  }
  const StatusOr<TimeUs> time = ParseTime(item);
  if (!time.ok()) return Failure(ErrorCode::kInvalid, MessageOf(time.status()), name);
  batch->times.push_back(*time);
  return absl::OkStatus();
}

void ClearList(RowLists::List* list) {
  list->given = false;
  list->text = {};
  list->items.clear();
}

}  // namespace

Status FillFromList(std::string_view list, RowHeader what, std::string_view name, RowBatch* batch) {
  size_t count = 0;
  while (!list.empty()) {
    const std::string_view item = StripBlanks(TakeUntil(list, ','));
    if (++count > batch->rows) break;
    VIGIL_RETURN_IF_ERROR(AddItem(item, what, name, batch));
  }
  return count == batch->rows ? absl::OkStatus() : CountMismatch(name, count, batch->rows);
}

void RowLists::Clear() {
  ClearList(&ids);
  ClearList(&entities);
  ClearList(&times);
}

Status RowLists::Apply(RowBatch* batch) const {
  struct Named {
    const List& list;
    RowHeader what;
    std::string_view name;
  };
  for (const Named& named : {Named{ids, RowHeader::kIds, "parameters.ids"}, Named{entities, RowHeader::kEntities, "parameters.entities"},
                             Named{times, RowHeader::kTimes, "parameters.times"}}) {
    if (!named.list.given) continue;
    if (named.list.items.empty()) {
      VIGIL_RETURN_IF_ERROR(FillFromList(named.list.text, named.what, named.name, batch));
      continue;
    }
    if (named.list.items.size() != batch->rows) return CountMismatch(named.name, named.list.items.size(), batch->rows);
    for (const std::string_view item : named.list.items) VIGIL_RETURN_IF_ERROR(AddItem(item, named.what, named.name, batch));
  }
  return absl::OkStatus();
}

}  // namespace vigil
