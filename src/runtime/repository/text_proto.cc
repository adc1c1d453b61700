#include "runtime/repository/text_proto.h"

#include <cstdint>

#include "runtime/cat.h"

namespace vigil::repository {
namespace {

bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-' || c == '+';
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class Parser {
 public:
  Parser(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  // Fields up to `end`, which is read too; 0: to the end of the text.
  Status Message(char end, int depth, TextMessage* message) {
    if (depth > kTextProtoDepthMax) return Refuse(Cat("nested deeper than ", kTextProtoDepthMax));
    message->line = line_;
    for (;;) {
      SkipSpace();
      if (at_ == text_.size()) {
        if (end == 0) return absl::OkStatus();
        return Refuse(Cat("the text ends inside the bracket of line ", message->line, ", which wants a '", std::string_view(&end, 1), "'"));
      }
      if (end != 0 && text_[at_] == end) {
        ++at_;
        return absl::OkStatus();
      }
      VIGIL_RETURN_IF_ERROR(Field(depth, message));
    }
  }

 private:
  Status Field(int depth, TextMessage* message) {
    const std::string name(Word());
    if (name.empty()) return Refuse(Cat("a field's name was expected, not ", Here()));
    SkipSpace();
    const bool colon = Take(':');
    SkipSpace();
    if (Take('[')) {
      VIGIL_RETURN_IF_ERROR(List(name, depth, message));
    } else if (!colon && !(Peek('{') || Peek('<'))) {
      return Refuse(Cat("field '", name.substr(0, 64), "': a ':' or a '{' was expected, not ", Here()));
    } else {
      VIGIL_RETURN_IF_ERROR(Value(name, depth, message));
    }
    SkipSpace();
    if (!Take(',')) Take(';');
    return absl::OkStatus();
  }

  Status List(const std::string& name, int depth, TextMessage* message) {
    const int line = line_;
    SkipSpace();
    if (Take(']')) return absl::OkStatus();
    for (;;) {
      SkipSpace();
      VIGIL_RETURN_IF_ERROR(Value(name, depth, message));
      SkipSpace();
      if (Take(']')) return absl::OkStatus();
      if (!Take(',')) return Refuse(Cat("list '", name.substr(0, 64), "' of line ", line, ": a ',' or a ']' was expected, not ", Here()));
    }
  }

  Status Value(const std::string& name, int depth, TextMessage* message) {
    if (++fields_ > kTextProtoFieldsMax) return Refuse(Cat("more than ", kTextProtoFieldsMax, " fields"));
    TextField field;
    field.name = name;
    field.line = line_;
    if (Peek('{') || Peek('<')) {
      const char end = text_[at_++] == '{' ? '}' : '>';
      field.kind = TextKind::kMessage;
      VIGIL_RETURN_IF_ERROR(Message(end, depth + 1, &field.message));
    } else if (Peek('"') || Peek('\'')) {
      field.kind = TextKind::kString;
      while (Peek('"') || Peek('\'')) {  // neighbours are one text
        VIGIL_RETURN_IF_ERROR(String(&field.text));
        SkipSpace();
      }
    } else {
      field.text = std::string(Word());
      if (field.text.empty()) return Refuse(Cat("field '", name.substr(0, 64), "': a value was expected, not ", Here()));
    }
    message->fields.push_back(std::move(field));
    return absl::OkStatus();
  }

  Status String(std::string* out) {
    const char quote = text_[at_++];
    while (at_ < text_.size() && text_[at_] != quote && text_[at_] != '\n') {
      if (text_[at_] != '\\') {
        out->push_back(text_[at_++]);
        continue;
      }
      ++at_;
      if (!Escape(out)) return Refuse("an escape that is none in a text");
    }
    if (!Peek(quote)) return Refuse("a text without its closing quote");
    ++at_;
    return absl::OkStatus();
  }

  bool Escape(std::string* out) {
    if (at_ == text_.size()) return false;
    const char c = text_[at_++];
    constexpr std::string_view kNames = "abfnrtv\\'\"?", kValues = "\a\b\f\n\r\t\v\\'\"?";
    if (const size_t found = kNames.find(c); found != std::string_view::npos) {
      out->push_back(kValues[found]);
      return true;
    }
    int value = 0, digits = 0;
    if (c == 'x' || c == 'X') {
      for (; digits < 2 && at_ < text_.size() && HexDigit(text_[at_]) >= 0; ++digits) value = value * 16 + HexDigit(text_[at_++]);
    } else {
      --at_;
      for (; digits < 3 && at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '7'; ++digits) value = value * 8 + (text_[at_++] - '0');
    }
    out->push_back(static_cast<char>(value));
    return digits > 0 && value < 256;
  }

  std::string_view Word() {
    const size_t begin = at_;
    while (at_ < text_.size() && IsWordByte(text_[at_])) ++at_;
    return text_.substr(begin, at_ - begin);
  }

  void SkipSpace() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (c == '\n' || c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v') {
        line_ += c == '\n' ? 1 : 0;
        ++at_;
      } else {
        return;
      }
    }
  }

  bool Peek(char c) const { return at_ < text_.size() && text_[at_] == c; }
  bool Take(char c) {
    if (!Peek(c)) return false;
    ++at_;
    return true;
  }
  std::string Here() const { return at_ == text_.size() ? "the end of the text" : Cat("'", text_.substr(at_, 1), "'"); }
  Status Refuse(std::string_view why) const { return absl::InvalidArgumentError(Cat(file_, ":", line_, ": ", why)); }

  const std::string_view text_;
  const std::string& file_;
  size_t at_ = 0, fields_ = 0;
  int line_ = 1;
};

}  // namespace

StatusOr<TextMessage> ParseTextProto(std::string_view text, const std::string& file) {
  if (text.size() > kTextProtoBytesMax) {
    return absl::InvalidArgumentError(Cat(file, ": larger than ", kTextProtoBytesMax, " bytes"));
  }
  TextMessage message;
  Parser parser(text, file);
  VIGIL_RETURN_IF_ERROR(parser.Message(0, 0, &message));
  return message;
}

}  // namespace vigil::repository
