#include "frontends/grpc/descriptors.h"

#include <algorithm>

#include "base/proto_wire.h"
#include "frontends/words.h"

namespace vigil {
namespace {

constexpr int kNestingMax = 32;

// Fields of descriptor.proto.
constexpr uint32_t kSetFile = 1;
constexpr uint32_t kName = 1;  // of every descriptor
constexpr uint32_t kFilePackage = 2, kFileImport = 3, kFileMessage = 4, kFileEnum = 5, kFileService = 6;
constexpr uint32_t kMessageField = 2, kMessageNested = 3, kMessageEnum = 4;
constexpr uint32_t kServiceMethod = 2;

std::string_view NameIn(std::string_view message, uint32_t number = kName) {
  std::string_view name;
  for (ProtoFields f(message); f.Next();) {
    if (f.is(number, ProtoType::kBytes)) name = f.bytes();
  }
  return name;
}

std::string Join(const std::string& scope, std::string_view name) { return scope.empty() ? std::string(name) : Concat(scope, ".", name); }

Status Broken() { return absl::InvalidArgumentError("the bytes are no FileDescriptorSet"); }

}  // namespace

StatusOr<DescriptorIndex> DescriptorIndex::Read(std::string_view set) {
  DescriptorIndex index;
  ProtoFields files(set);
  while (files.Next()) {
    if (files.is(kSetFile, ProtoType::kBytes)) VIGIL_RETURN_IF_ERROR(index.AddFile(files.bytes()));
  }
  if (!files.ok()) return Broken();
  std::sort(index.services_.begin(), index.services_.end());
  return index;
}

Status DescriptorIndex::AddFile(std::string_view bytes) {
  const std::string file(NameIn(bytes));
  const std::string package(NameIn(bytes, kFilePackage));
  if (file.empty()) return Broken();
  FileEntry entry{bytes, {}};
  ProtoFields f(bytes);
  while (f.Next()) {
    if (f.type() != ProtoType::kBytes) continue;
    switch (f.field()) {
      case kFileImport: entry.imports.emplace_back(f.bytes()); break;
      case kFileMessage: VIGIL_RETURN_IF_ERROR(AddMessage(f.bytes(), package, file, 0)); break;
      case kFileEnum: symbols_.emplace(Join(package, NameIn(f.bytes())), file); break;
      case kFileService: {
        const std::string service = Join(package, NameIn(f.bytes()));
        services_.push_back(service);
        symbols_.emplace(service, file);
        for (ProtoFields s(f.bytes()); s.Next();) {
          if (s.is(kServiceMethod, ProtoType::kBytes)) symbols_.emplace(Join(service, NameIn(s.bytes())), file);
        }
        break;
      }
      default: break;
    }
  }
  if (!f.ok()) return Broken();
  files_.insert_or_assign(file, std::move(entry));
  return absl::OkStatus();
}

Status DescriptorIndex::AddMessage(std::string_view bytes, const std::string& scope, const std::string& file, int depth) {
  if (depth > kNestingMax) return absl::InvalidArgumentError("messages are nested too deeply");
  const std::string name = Join(scope, NameIn(bytes));
  symbols_.emplace(name, file);
  ProtoFields f(bytes);
  while (f.Next()) {
    if (f.is(kMessageNested, ProtoType::kBytes)) VIGIL_RETURN_IF_ERROR(AddMessage(f.bytes(), name, file, depth + 1));
    if (f.is(kMessageEnum, ProtoType::kBytes) || f.is(kMessageField, ProtoType::kBytes))
      symbols_.emplace(Join(name, NameIn(f.bytes())), file);
  }
  return f.ok() ? absl::OkStatus() : Broken();
}

StatusOr<std::vector<std::string_view>> DescriptorIndex::File(std::string_view name) const {
  const auto found = files_.find(name);
  if (found == files_.end()) return absl::NotFoundError(Concat("no file \"", name.substr(0, 200), "\" is served"));
  std::vector<const FileEntry*> wanted{&found->second};
  for (size_t i = 0; i < wanted.size(); ++i) {
    for (const std::string& import : wanted[i]->imports) {
      const auto next = files_.find(import);
      if (next == files_.end() || std::find(wanted.begin(), wanted.end(), &next->second) != wanted.end()) continue;
      wanted.push_back(&next->second);
    }
  }
  std::vector<std::string_view> bytes;
  for (const FileEntry* entry : wanted) bytes.push_back(entry->bytes);
  return bytes;
}

StatusOr<std::vector<std::string_view>> DescriptorIndex::Symbol(std::string_view name) const {
  const auto found = symbols_.find(name);
  if (found == symbols_.end()) return absl::NotFoundError(Concat("no symbol \"", name.substr(0, 200), "\" is served"));
  return File(found->second);
}

}  // namespace vigil
