#include "runtime/trees/document.h"
#include "runtime/cat.h"

#include <algorithm>
#include <utility>

namespace vigil::trees {
namespace {

// A node costs about 90 bytes in memory. Model files spend far more than this many bytes of text on one, so the bound never bites an
// honest file, and a hostile one cannot make us hold many times its size.
constexpr uint64_t kFileBytesPerNode = 8;
constexpr uint64_t kNodesAlways = 1024;
constexpr uint64_t kNodesMax = uint64_t{1} << 31;

}  // namespace

std::optional<DocumentCursor> DocumentCursor::Find(std::string_view key) const {
  if (!is_object()) return std::nullopt;
  for (uint32_t i = index_ + 1; i < node().end; i = document_->nodes[i].end) {
    if (document_->nodes[i].key == key) return DocumentCursor(*document_, i);
  }
  return std::nullopt;
}

std::vector<DocumentCursor> DocumentCursor::Children() const {
  std::vector<DocumentCursor> children;
  for (uint32_t i = index_ + 1; i < node().end; i = document_->nodes[i].end) children.emplace_back(*document_, i);
  return children;
}

DocumentBuilder::DocumentBuilder(uint64_t file_bytes) : nodes_max_(std::min(kNodesMax, kNodesAlways + file_bytes / kFileBytesPerNode)) {}

Status DocumentBuilder::Add(Document::Kind kind, std::string_view key, std::string_view text, double number) {
  if (document_.nodes.size() >= nodes_max_) return absl::InvalidArgumentError("more values than a model file has");
  if (!open_.empty() && document_.nodes[open_.back()].numbers_count > 0) VIGIL_RETURN_IF_ERROR(SpreadRun());
  Document::Node& node = document_.nodes.emplace_back();
  node.kind = kind;
  node.end = static_cast<uint32_t>(document_.nodes.size());
  node.key = key;
  node.text = text;
  node.number = number;
  node.numbers_begin = document_.numbers.size();
  return absl::OkStatus();
}

// The innermost array mixes numbers with other values: its run of numbers, the last in the document, becomes one node each.
Status DocumentBuilder::SpreadRun() {
  Document::Node& array = document_.nodes[open_.back()];
  const std::vector<double> run(document_.numbers.end() - static_cast<int64_t>(array.numbers_count), document_.numbers.end());
  document_.numbers.resize(document_.numbers.size() - run.size());
  array.numbers_count = 0;
  for (const double value : run) VIGIL_RETURN_IF_ERROR(Add(Document::Kind::kNumber, {}, {}, value));
  return absl::OkStatus();
}

Status DocumentBuilder::Begin(Document::Kind kind, std::string_view key) {
  if (open_.size() >= kDocumentDepthMax) return absl::InvalidArgumentError(Cat("nested deeper than ", kDocumentDepthMax));
  VIGIL_RETURN_IF_ERROR(Add(kind, key, {}, 0));
  open_.push_back(static_cast<uint32_t>(document_.nodes.size() - 1));
  return absl::OkStatus();
}

void DocumentBuilder::End() {
  document_.nodes[open_.back()].end = static_cast<uint32_t>(document_.nodes.size());
  open_.pop_back();
}

Status DocumentBuilder::Number(std::string_view key, double value, Document::Kind kind) {
  if (open_.empty() || in_object()) return Add(kind, key, {}, value);
  Document::Node& array = document_.nodes[open_.back()];
  if (document_.nodes.size() > open_.back() + size_t{1}) return Add(kind, key, {}, value);
  document_.numbers.push_back(value);
  ++array.numbers_count;
  return absl::OkStatus();
}

absl::Span<double> DocumentBuilder::Numbers(uint64_t count) {
  Document::Node& array = document_.nodes[open_.back()];
  const size_t begin = document_.numbers.size();
  document_.numbers.resize(begin + count);
  array.numbers_count += count;
  return absl::MakeSpan(document_.numbers).subspan(begin);
}

Document DocumentBuilder::Finish(std::shared_ptr<const void> text_owner) {
  document_.text_owner = std::move(text_owner);
  return std::move(document_);
}

}  // namespace vigil::trees
