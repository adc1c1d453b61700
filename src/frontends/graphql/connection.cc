#include "frontends/graphql/connection.h"

#include <algorithm>

#include "frontends/errors.h"
#include "frontends/graphql/ids.h"
#include "frontends/words.h"

namespace vigil::graphql {
namespace {

// Index of the item that the cursor in `argument` names; `absent` without one.
StatusOr<int64_t> PlaceOf(const FieldCall& call, const char* argument, const std::vector<std::string>& keys, int64_t absent) {
  const Json* const cursor = call.Argument(argument);
  if (cursor == nullptr) return absent;
  VIGIL_ASSIGN_OR_RETURN(const std::string key, ReadCursor(cursor->get<std::string>(), argument));
  const auto found = std::find(keys.begin(), keys.end(), key);
  if (found == keys.end()) return Failure(ErrorCode::kInvalid, "the item of this cursor is not in the list, or not any more", argument);
  return found - keys.begin();
}

}  // namespace

StatusOr<int64_t> PageArgument(const FieldCall& call, const char* name) {
  const Json* const value = call.Argument(name);
  if (value == nullptr) return -1;
  const auto items = value->get<int64_t>();
  if (items < 1 || items > kPageItemsMax) return Failure(ErrorCode::kInvalid, Concat("must be from 1 to ", kPageItemsMax), name);
  return items;
}

Json PageJson(const FieldCall& call, const std::vector<std::string>& keys, std::vector<Json> nodes, bool previous, bool next) {
  Json page = Json::object();
  page["pageInfo"] = {{"hasNextPage", next},
                      {"hasPreviousPage", previous},
                      {"startCursor", keys.empty() ? Json(nullptr) : Json(MakeCursor(keys.front()))},
                      {"endCursor", keys.empty() ? Json(nullptr) : Json(MakeCursor(keys.back()))}};
  if (call.Selects("edges")) {
    Json edges = Json::array();
    for (size_t i = 0; i < nodes.size(); ++i) edges.push_back({{"cursor", MakeCursor(keys[i])}, {"node", nodes[i]}});
    page["edges"] = std::move(edges);
  }
  if (call.Selects("nodes")) {
    Json list = Json::array();
    for (Json& node : nodes) list.push_back(std::move(node));
    page["nodes"] = std::move(list);
  }
  return page;
}

StatusOr<Value> Connection(const FieldCall& call, const std::vector<std::string>& keys, const std::function<Json(size_t)>& node) {
  const auto size = static_cast<int64_t>(keys.size());
  VIGIL_ASSIGN_OR_RETURN(const int64_t after, PlaceOf(call, "after", keys, -1));
  VIGIL_ASSIGN_OR_RETURN(const int64_t before, PlaceOf(call, "before", keys, size));
  VIGIL_ASSIGN_OR_RETURN(int64_t first, PageArgument(call, "first"));
  VIGIL_ASSIGN_OR_RETURN(const int64_t last, PageArgument(call, "last"));
  if (first < 0 && last < 0) first = kPageItems;
  int64_t begin = after + 1;
  int64_t end = std::max(begin, before);
  if (first >= 0) end = std::min(end, begin + first);
  if (last >= 0) begin = std::max(begin, end - last);
  std::vector<std::string> page_keys(keys.begin() + begin, keys.begin() + end);
  std::vector<Json> nodes;
  if (call.Selects("edges") || call.Selects("nodes")) {
    for (int64_t i = begin; i < end; ++i) nodes.push_back(node(static_cast<size_t>(i)));
  }
  Json page = PageJson(call, page_keys, std::move(nodes), begin > 0, end < size);
  page["totalCount"] = size;
  return Value(std::move(page));
}

}  // namespace vigil::graphql
