// Pages of lists, as Relay's cursor connections have them: https://relay.dev/graphql/connections.htm
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "frontends/graphql/language/resolvers.h"

namespace vigil::graphql {

inline constexpr int64_t kPageItemsMax = 1000;
inline constexpr int64_t kPageItems = 10;  // when nothing is said: what Limits::list_size_assumed takes a list for

// `first`, or `last`, of the call: 1 to kPageItemsMax. Absent: -1.
StatusOr<int64_t> PageArgument(const FieldCall& call, const char* name);

// The page that the call's first, after, last and before ask for. `keys` name the items, each once: a cursor is made of one, so that a page
// goes on behind its item wherever that is by then. `node` makes an item, and is asked only for those of the page.
StatusOr<Value> Connection(const FieldCall& call, const std::vector<std::string>& keys, const std::function<Json(size_t)>& node);

// A page of items that are there in full: {"edges","nodes","pageInfo"}; `keys` and `nodes` are as long as each other.
Json PageJson(const FieldCall& call, const std::vector<std::string>& keys, std::vector<Json> nodes, bool previous, bool next);

}  // namespace vigil::graphql
