// Protocol buffers' text form, without a schema: what config.pbtxt files are written in. Within limits of size, depth and number of fields.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace vigil::repository {

struct TextField;

struct TextMessage {
  std::vector<TextField> fields;  // in order; a list is a field an element
  int line = 1;
};

enum class TextKind : uint8_t { kString, kWord, kMessage };  // a word is a number, a truth value or the name of an enumeration's value

struct TextField {
  std::string name;
  int line = 1;
  TextKind kind = TextKind::kWord;
  std::string text;     // of strings, unescaped, and words
  TextMessage message;  // of messages
};

inline constexpr size_t kTextProtoBytesMax = 1 << 20;
inline constexpr size_t kTextProtoFieldsMax = 100'000;
inline constexpr int kTextProtoDepthMax = 32;

// INVALID_ARGUMENT names `file`, the line and what was expected.
StatusOr<TextMessage> ParseTextProto(std::string_view text, const std::string& file);

}  // namespace vigil::repository
