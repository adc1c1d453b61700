// Ids that are unique among all nodes, and cursors: both opaque to clients, both the base64url of what they stand for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace vigil::graphql {

inline constexpr size_t kOpaqueBytesMax = 1024;

// What a global id stands for: a type's name and what finds the node among those of its type.
struct GlobalId {
  std::string type;
  std::vector<std::string> parts;
};
std::string MakeId(std::string_view type, const std::vector<std::string>& parts);
// INVALID_ARGUMENT for what MakeId never gave.
StatusOr<GlobalId> ReadId(std::string_view id);

std::string MakeCursor(std::string_view key);
// INVALID_ARGUMENT for what MakeCursor never gave; `argument` is named.
StatusOr<std::string> ReadCursor(std::string_view cursor, std::string_view argument);

}  // namespace vigil::graphql
