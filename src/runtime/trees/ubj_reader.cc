// UBJSON as XGBoost writes it and as the specification (ubjson.org, draft 12) allows: iterative, big-endian, every declared length
// checked against what the file still holds before anything is allocated.
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "runtime/cat.h"
#include "runtime/trees/document.h"

namespace vigil::trees {
namespace {

// Bytes of a number with this marker; 0: not a number.
size_t NumberBytes(char marker) {
  switch (marker) {
    case 'i':
    case 'U': return 1;
    case 'I': return 2;
    case 'l':
    case 'd': return 4;
    case 'L':
    case 'D': return 8;
    default: return 0;
  }
}

template <typename T>
T BigEndian(const char* p) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value = static_cast<T>(value << 8) | static_cast<uint8_t>(p[i]);
  return value;
}

double NumberAt(char marker, const char* p) {
  switch (marker) {
    case 'i': return static_cast<int8_t>(*p);
    case 'U': return static_cast<uint8_t>(*p);
    case 'I': return static_cast<int16_t>(BigEndian<uint16_t>(p));
    case 'l': return static_cast<int32_t>(BigEndian<uint32_t>(p));
    case 'L': return static_cast<double>(static_cast<int64_t>(BigEndian<uint64_t>(p)));
    case 'd': {
      const uint32_t bits = BigEndian<uint32_t>(p);
      float value;
      std::memcpy(&value, &bits, sizeof(value));
      return value;
    }
    default: {
      const uint64_t bits = BigEndian<uint64_t>(p);
      double value;
      std::memcpy(&value, &bits, sizeof(value));
      return value;
    }
  }
}

class UbjReader {
 public:
  explicit UbjReader(std::shared_ptr<const std::string> content) : content_(std::move(content)), builder_(content_->size()) {}

  StatusOr<Document> Read() {
    const Status status = ReadAll();
    if (!status.ok()) return absl::InvalidArgumentError(Cat("not valid UBJSON at byte ", position_, ": ", status.message()));
    return builder_.Finish(content_);
  }

 private:
  // An open container: `remaining` elements are still to come, or, when nothing, an end marker.
  struct Frame {
    bool object = false;
    std::optional<int64_t> remaining;
  };

  size_t left() const { return content_->size() - position_; }

  StatusOr<char> Marker() {
    while (left() > 0 && (*content_)[position_] == 'N') ++position_;
    if (left() == 0) return absl::InvalidArgumentError("the file ends where a value must begin");
    return (*content_)[position_++];
  }

  StatusOr<int64_t> Length() {
    VIGIL_ASSIGN_OR_RETURN(const char marker, Marker());
    const size_t bytes = NumberBytes(marker);
    if (bytes == 0 || marker == 'd' || marker == 'D') return absl::InvalidArgumentError("a length must be an integer");
    if (left() < bytes) return absl::InvalidArgumentError("the file ends inside a length");
    const char* p = content_->data() + position_;
    const int64_t length = marker == 'L' ? static_cast<int64_t>(BigEndian<uint64_t>(p)) : static_cast<int64_t>(NumberAt(marker, p));
    position_ += bytes;
    if (length < 0) return absl::InvalidArgumentError(Cat("a length of ", length));
    return length;
  }

  StatusOr<std::string_view> Text() {
    VIGIL_ASSIGN_OR_RETURN(const int64_t length, Length());
    if (static_cast<uint64_t>(length) > left()) {
      return absl::InvalidArgumentError(Cat("a string of ", length, " bytes where ", left(), " are left"));
    }
    const std::string_view text(content_->data() + position_, static_cast<size_t>(length));
    position_ += text.size();
    return text;
  }

  // After `[` or `{`: the optional element type and count.
  Status OpenContainer(bool object, std::string_view key) {
    VIGIL_RETURN_IF_ERROR(object ? builder_.BeginObject(key) : builder_.BeginArray(key));
    char type = 0;
    if (left() > 0 && (*content_)[position_] == '$') {
      if (left() < 2) return absl::InvalidArgumentError("the file ends inside an array's type");
      type = (*content_)[position_ + 1];
      position_ += 2;
      if (object || NumberBytes(type) == 0) return absl::InvalidArgumentError(absl::StrFormat("a container of type '%c'", Printable(type)));
      if (left() == 0 || (*content_)[position_] != '#') return absl::InvalidArgumentError("a typed array without a count");
    }
    Frame frame{object, std::nullopt};
    if (left() > 0 && (*content_)[position_] == '#') {
      ++position_;
      VIGIL_ASSIGN_OR_RETURN(frame.remaining, Length());
    }
    if (type == 0) {
      frames_.push_back(frame);
      return absl::OkStatus();
    }
    return TypedArray(type, static_cast<uint64_t>(*frame.remaining));
  }

  Status TypedArray(char type, uint64_t count) {
    const size_t bytes = NumberBytes(type);
    if (count > left() / bytes) {
      return absl::InvalidArgumentError(Cat("an array of ", count, " numbers of ", bytes, " bytes where ", left(), " bytes are left"));
    }
    const char* p = content_->data() + position_;
    for (double& number : builder_.Numbers(count)) {
      number = NumberAt(type, p);
      p += bytes;
    }
    position_ += count * bytes;
    builder_.End();
    return absl::OkStatus();
  }

  Status Value(char marker, std::string_view key) {
    switch (marker) {
      case 'Z': return builder_.Null(key);
      case 'T': return builder_.Bool(key, true);
      case 'F': return builder_.Bool(key, false);
      case 'S': {
        VIGIL_ASSIGN_OR_RETURN(const std::string_view text, Text());
        return builder_.Text(key, text);
      }
      case 'C': {
        if (left() == 0) return absl::InvalidArgumentError("the file ends inside a character");
        return builder_.Text(key, std::string_view(content_->data() + position_++, 1));
      }
      case '[': return OpenContainer(false, key);
      case '{': return OpenContainer(true, key);
      default: break;
    }
    const size_t bytes = NumberBytes(marker);
    if (bytes == 0) return absl::InvalidArgumentError(absl::StrFormat("unknown type '%c'", Printable(marker)));
    if (left() < bytes) return absl::InvalidArgumentError("the file ends inside a number");
    const double number = NumberAt(marker, content_->data() + position_);
    position_ += bytes;
    return builder_.Number(key, number);
  }

  // True when the innermost container ends here.
  StatusOr<bool> AtEnd(Frame* frame) {
    if (frame->remaining.has_value()) return (*frame->remaining)-- == 0;
    while (left() > 0 && (*content_)[position_] == 'N') ++position_;
    if (left() == 0) return absl::InvalidArgumentError(frame->object ? "the file ends inside an object" : "the file ends inside an array");
    if ((*content_)[position_] != (frame->object ? '}' : ']')) return false;
    ++position_;
    return true;
  }

  Status ReadAll() {
    VIGIL_ASSIGN_OR_RETURN(const char first, Marker());
    VIGIL_RETURN_IF_ERROR(Value(first, {}));
    while (!frames_.empty()) {
      VIGIL_ASSIGN_OR_RETURN(const bool end, AtEnd(&frames_.back()));
      if (end) {
        builder_.End();
        frames_.pop_back();
        continue;
      }
      std::string_view key;
      if (frames_.back().object) {
        VIGIL_ASSIGN_OR_RETURN(key, Text());
      }
      VIGIL_ASSIGN_OR_RETURN(const char marker, Marker());
      VIGIL_RETURN_IF_ERROR(Value(marker, key));
    }
    if (left() != 0) return absl::InvalidArgumentError(Cat(left(), " bytes follow the document"));
    return absl::OkStatus();
  }

  static char Printable(char c) { return c >= ' ' && c <= '~' ? c : '.'; }

  const std::shared_ptr<const std::string> content_;
  DocumentBuilder builder_;
  size_t position_ = 0;
  std::vector<Frame> frames_;
};

}  // namespace

StatusOr<Document> ReadUbjDocument(std::shared_ptr<const std::string> content) { return UbjReader(std::move(content)).Read(); }

}  // namespace vigil::trees
