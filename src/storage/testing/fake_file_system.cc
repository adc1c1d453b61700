#include "storage/testing/fake_file_system.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace vigil::testing {
namespace {

void Overlay(std::string* data, int64_t offset, std::string_view bytes) {
  const size_t at = static_cast<size_t>(offset);
  if (data->size() < at + bytes.size()) data->resize(at + bytes.size(), '\0');
  std::memcpy(data->data() + at, bytes.data(), bytes.size());
}

}  // namespace

class FakeFileSystem::OpenFile final : public WritableFile {
 public:
  OpenFile(FakeFileSystem& files, FilePtr file, std::string lock) : files_(files), file_(std::move(file)), lock_(std::move(lock)) {}
  ~OpenFile() override {
    if (lock_.empty()) return;
    std::lock_guard lock(files_.mutex_);
    files_.locks_.erase(lock_);
  }
  Status WriteAt(int64_t offset, std::string_view bytes) override {
    std::lock_guard lock(files_.mutex_);
    const int64_t growth = std::max<int64_t>(0, offset + static_cast<int64_t>(bytes.size()) - static_cast<int64_t>(file_->data.size()));
    const int64_t room = files_.capacity_ - files_.TotalLocked();
    const bool full = growth > room;
    if (full)
      bytes = bytes.substr(
          0, static_cast<size_t>(std::max<int64_t>(0, static_cast<int64_t>(bytes.size()) - (growth - std::max<int64_t>(room, 0)))));
    Overlay(&file_->data, offset, bytes);
    file_->unsynced.emplace_back(offset, bytes);
    return full ? absl::ResourceExhaustedError("writing: No space left on device") : absl::OkStatus();
  }
  Status Sync() override {
    std::lock_guard lock(files_.mutex_);
    if (files_.failing_syncs_ > 0) {
      --files_.failing_syncs_;
      file_->unsynced.clear();
      return absl::UnavailableError("syncing: Input/output error");
    }
    file_->durable = file_->data;
    file_->unsynced.clear();
    return absl::OkStatus();
  }
  Status Preallocate(int64_t bytes) override {
    std::lock_guard lock(files_.mutex_);
    const int64_t growth = bytes - static_cast<int64_t>(file_->data.size());
    if (growth > files_.capacity_ - files_.TotalLocked()) return absl::ResourceExhaustedError("reserving: No space left on device");
    if (growth > 0) file_->data.resize(static_cast<size_t>(bytes), '\0');
    return absl::OkStatus();
  }
  Status Truncate(int64_t bytes) override {
    std::lock_guard lock(files_.mutex_);
    file_->data.resize(static_cast<size_t>(bytes), '\0');
    file_->durable.resize(std::min(file_->durable.size(), static_cast<size_t>(bytes)));
    return absl::OkStatus();
  }

 private:
  FakeFileSystem& files_;
  const FilePtr file_;
  const std::string lock_;
};

class FakeFileSystem::Mapping final : public MappedFile {
 public:
  Mapping(FakeFileSystem& files, FilePtr file, std::string copy, bool writable)
      : files_(files), file_(std::move(file)), copy_(std::move(copy)) {
    std::string& bytes = writable ? file_->data : copy_;
    data_ = bytes.data();
    size_ = bytes.size();
  }
  Status Sync() override {
    std::lock_guard lock(files_.mutex_);
    file_->durable = file_->data;
    file_->name_durable = true;
    return absl::OkStatus();
  }

 private:
  FakeFileSystem& files_;
  const FilePtr file_;
  std::string copy_;
};

FakeFileSystem::FilePtr FakeFileSystem::FindLocked(const std::string& path) const {
  const auto it = files_.find(path);
  return it == files_.end() ? nullptr : it->second;
}
FakeFileSystem::FilePtr FakeFileSystem::FindOrCreateLocked(const std::string& path) {
  FilePtr& file = files_[path];
  if (file == nullptr) file = std::make_shared<File>();
  return file;
}
int64_t FakeFileSystem::TotalLocked() const {
  int64_t total = 0;
  for (const auto& [path, file] : files_) total += static_cast<int64_t>(file->data.size());
  return total;
}

StatusOr<std::unique_ptr<WritableFile>> FakeFileSystem::Open(const std::string& path) {
  std::lock_guard lock(mutex_);
  return std::make_unique<OpenFile>(*this, FindOrCreateLocked(path), "");
}

StatusOr<std::unique_ptr<MappedFile>> FakeFileSystem::MapForRead(const std::string& path, int64_t bytes) {
  std::lock_guard lock(mutex_);
  FilePtr file = FindLocked(path);
  if (file == nullptr) return absl::NotFoundError(absl::StrCat("opening ", path));
  std::string copy = file->data.substr(0, bytes < 0 ? std::string::npos : static_cast<size_t>(bytes));
  return std::make_unique<Mapping>(*this, std::move(file), std::move(copy), false);
}

StatusOr<std::unique_ptr<MappedFile>> FakeFileSystem::MapForWrite(const std::string& path, int64_t bytes) {
  std::lock_guard lock(mutex_);
  FilePtr file = FindOrCreateLocked(path);
  const int64_t growth = bytes - static_cast<int64_t>(file->data.size());
  if (growth > capacity_ - TotalLocked())
    return absl::ResourceExhaustedError(absl::StrCat("reserving space for ", path, ": No space left on device"));
  if (growth > 0) file->data.resize(static_cast<size_t>(bytes), '\0');
  return std::make_unique<Mapping>(*this, std::move(file), "", true);
}

StatusOr<std::string> FakeFileSystem::Read(const std::string& path) { return ReadRange(path, 0, INT64_MAX); }

StatusOr<std::string> FakeFileSystem::ReadRange(const std::string& path, int64_t offset, int64_t bytes) {
  std::lock_guard lock(mutex_);
  const FilePtr file = FindLocked(path);
  if (file == nullptr) return absl::NotFoundError(absl::StrCat("opening ", path));
  if (offset >= static_cast<int64_t>(file->data.size())) return std::string();
  return file->data.substr(static_cast<size_t>(offset), static_cast<size_t>(bytes));
}

Status FakeFileSystem::Replace(const std::string& path, std::string_view contents) {
  std::lock_guard lock(mutex_);
  if (static_cast<int64_t>(contents.size()) > capacity_ - TotalLocked())
    return absl::ResourceExhaustedError("creating: No space left on device");
  FilePtr file = std::make_shared<File>();
  file->data = file->durable = std::string(contents);
  file->name_durable = true;
  files_[path] = std::move(file);
  return absl::OkStatus();
}

Status FakeFileSystem::Rename(const std::string& from, const std::string& to) {
  std::lock_guard lock(mutex_);
  const auto it = files_.find(from);
  if (it == files_.end()) return absl::NotFoundError(absl::StrCat("renaming ", from));
  files_[to] = it->second;
  files_.erase(from);
  return absl::OkStatus();
}

Status FakeFileSystem::Remove(const std::string& path) {
  std::lock_guard lock(mutex_);
  return files_.erase(path) == 1 ? absl::OkStatus() : absl::NotFoundError(absl::StrCat("removing ", path));
}

Status FakeFileSystem::CreateDirectories(const std::string&) { return absl::OkStatus(); }

StatusOr<std::vector<FileSystem::Entry>> FakeFileSystem::List(const std::string& directory) {
  std::lock_guard lock(mutex_);
  std::vector<Entry> entries;
  const std::string prefix = directory + "/";
  for (const auto& [path, file] : files_) {
    if (!path.starts_with(prefix) || path.find('/', prefix.size()) != std::string::npos) continue;
    entries.push_back({path.substr(prefix.size()), static_cast<int64_t>(file->data.size())});
  }
  return entries;
}

Status FakeFileSystem::SyncDirectory(const std::string& directory) {
  std::lock_guard lock(mutex_);
  for (const auto& [path, file] : files_) {
    if (path.starts_with(directory + "/")) file->name_durable = true;
  }
  return absl::OkStatus();
}

StatusOr<std::unique_ptr<WritableFile>> FakeFileSystem::Lock(const std::string& path) {
  std::lock_guard lock(mutex_);
  if (!locks_.insert(path).second) return absl::FailedPreconditionError(absl::StrCat(path, " is held by another running process"));
  return std::make_unique<OpenFile>(*this, FindOrCreateLocked(path), path);
}

std::string FakeFileSystem::BootId() {
  std::lock_guard lock(mutex_);
  return absl::StrCat("boot-", boot_);
}

void FakeFileSystem::SetCapacity(int64_t bytes) {
  std::lock_guard lock(mutex_);
  capacity_ = bytes;
}
void FakeFileSystem::FailSyncs(int count) {
  std::lock_guard lock(mutex_);
  failing_syncs_ = count;
}
void FakeFileSystem::Corrupt(const std::string& path, int64_t offset, std::string_view bytes) {
  std::lock_guard lock(mutex_);
  Overlay(&files_.at(path)->data, offset, bytes);
}
int64_t FakeFileSystem::TotalBytes() const {
  std::lock_guard lock(mutex_);
  return TotalLocked();
}

std::unique_ptr<FakeFileSystem> FakeFileSystem::AfterKill() const {
  std::lock_guard lock(mutex_);
  auto after = std::make_unique<FakeFileSystem>();
  for (const auto& [path, file] : files_) after->files_[path] = std::make_shared<File>(*file);
  after->boot_ = boot_;
  return after;
}

std::unique_ptr<FakeFileSystem> FakeFileSystem::AfterPowerFailure(int64_t unsynced_bytes) const {
  std::lock_guard lock(mutex_);
  auto after = std::make_unique<FakeFileSystem>();
  for (const auto& [path, file] : files_) {
    if (!file->name_durable) continue;
    auto kept = std::make_shared<File>();
    kept->data = file->durable;
    int64_t left = unsynced_bytes;
    for (const auto& [offset, bytes] : file->unsynced) {
      const std::string_view part = std::string_view(bytes).substr(0, static_cast<size_t>(left));
      if (!part.empty()) Overlay(&kept->data, offset, part);
      left -= static_cast<int64_t>(part.size());
    }
    kept->durable = kept->data;
    kept->name_durable = true;
    after->files_[path] = std::move(kept);
  }
  after->boot_ = boot_ + 1;
  return after;
}

}  // namespace vigil::testing
