// A parsed model file, the same for JSON and UBJSON: a flat list of nodes, each followed by its descendants. Arrays of numbers are kept
// as one run of doubles, which holds every float32 and int32 exactly; one that mixes them with other values is a list of nodes. Memory is
// bounded by the size of the file, whatever lengths the file declares, and nothing here recurses deeper than kDocumentDepthMax.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "base/status.h"

namespace vigil::trees {

inline constexpr size_t kDocumentDepthMax = 32;  // XGBoost's own files nest 8 deep

class Document {
 public:
  enum class Kind : uint8_t { kNull, kBool, kNumber, kText, kArray, kObject };

  struct Node {
    Kind kind = Kind::kNull;
    uint32_t end = 0;            // index after the last descendant
    std::string_view key;        // within an object
    std::string_view text;       // kText
    double number = 0;           // kNumber; kBool as 0 or 1
    uint64_t numbers_begin = 0;  // kArray of numbers and booleans only: where they are in `numbers`
    uint64_t numbers_count = 0;
  };

  std::vector<Node> nodes;  // nodes[0] is the document
  std::vector<double> numbers;
  std::shared_ptr<const void> text_owner;  // what the string views point into
};

// A place in a document. Cheap to copy; the document must outlive it.
class DocumentCursor {
 public:
  explicit DocumentCursor(const Document& document, uint32_t index = 0) : document_(&document), index_(index) {}

  Document::Kind kind() const { return node().kind; }
  std::string_view key() const { return node().key; }
  std::string_view text() const { return node().text; }
  double number() const { return node().number; }
  bool is_object() const { return kind() == Document::Kind::kObject; }
  bool is_array() const { return kind() == Document::Kind::kArray; }
  bool is_text() const { return kind() == Document::Kind::kText; }
  bool is_number() const { return kind() == Document::Kind::kNumber; }
  // The elements of an array of numbers; empty for any other array.
  absl::Span<const double> numbers() const {
    return absl::MakeConstSpan(document_->numbers.data() + node().numbers_begin, static_cast<size_t>(node().numbers_count));
  }
  // A member of an object by its first occurrence; nothing when absent or this is no object.
  std::optional<DocumentCursor> Find(std::string_view key) const;
  // Children of an object, or of an array whose elements are not numbers, in order.
  std::vector<DocumentCursor> Children() const;

 private:
  const Document::Node& node() const { return document_->nodes[index_]; }
  const Document* document_;
  uint32_t index_;
};

// Builds a Document from a reader's events. Every error is INVALID_ARGUMENT and says what was wrong, not where: the reader adds that.
class DocumentBuilder {
 public:
  // `file_bytes` bounds the number of nodes.
  explicit DocumentBuilder(uint64_t file_bytes);

  Status BeginObject(std::string_view key) { return Begin(Document::Kind::kObject, key); }
  Status BeginArray(std::string_view key) { return Begin(Document::Kind::kArray, key); }
  // Ends the innermost container.
  void End();
  Status Null(std::string_view key) { return Add(Document::Kind::kNull, key, {}, 0); }
  Status Text(std::string_view key, std::string_view text) { return Add(Document::Kind::kText, key, text, 0); }
  Status Bool(std::string_view key, bool value) { return Number(key, value ? 1 : 0, Document::Kind::kBool); }
  // In an array, the number joins the array's run.
  Status Number(std::string_view key, double value, Document::Kind kind = Document::Kind::kNumber);
  // Room for `count` numbers of the array just begun; the reader has checked that the file holds them.
  absl::Span<double> Numbers(uint64_t count);

  size_t depth() const { return open_.size(); }
  bool in_object() const { return !open_.empty() && document_.nodes[open_.back()].kind == Document::Kind::kObject; }
  Document Finish(std::shared_ptr<const void> text_owner);

 private:
  Status Begin(Document::Kind kind, std::string_view key);
  Status SpreadRun();
  Status Add(Document::Kind kind, std::string_view key, std::string_view text, double number);

  const uint64_t nodes_max_;
  Document document_;
  std::vector<uint32_t> open_;
};

// `content` is the whole file. Errors are INVALID_ARGUMENT, with the byte offset where the format allows one.
StatusOr<Document> ReadJsonDocument(std::string_view content);
// The views of the result point into *content.
StatusOr<Document> ReadUbjDocument(std::shared_ptr<const std::string> content);

}  // namespace vigil::trees
