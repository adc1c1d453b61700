// An entry of a response's `errors`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace vigil::graphql {

struct Location {
  uint32_t line = 1;    // from 1
  uint32_t column = 1;  // from 1, in UTF-16 code units, as graphql-js counts
  bool operator==(const Location&) const = default;
};

struct Error {
  std::string message;
  std::vector<Location> locations;
  Json path = nullptr;        // an array of names and list indices; null unless it happened in a field
  Json extensions = nullptr;  // an object with at least "code", or null
};

// `extensions.code` of what this folder itself reports; a resolver's failure carries what ExecuteOptions::extensions makes of it.
inline constexpr std::string_view kParseFailed = "GRAPHQL_PARSE_FAILED";
inline constexpr std::string_view kValidationFailed = "GRAPHQL_VALIDATION_FAILED";
inline constexpr std::string_view kLimitExceeded = "LIMIT_EXCEEDED";
inline constexpr std::string_view kBadUserInput = "BAD_USER_INPUT";                    // variables, and arguments made of them
inline constexpr std::string_view kUnknownOperation = "OPERATION_RESOLUTION_FAILURE";  // operationName fits no operation, or is needed
inline constexpr std::string_view kInternalError = "INTERNAL_SERVER_ERROR";            // a resolver broke its field's type

// {"message","locations"?,"path"?,"extensions"?}
Json ToJson(const Error& error);

}  // namespace vigil::graphql
