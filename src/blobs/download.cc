#include "blobs/download.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace vigil::blobs {
namespace {

// Where the answer's body begins in the content: "bytes 100-199/200" is 100.
std::optional<int64_t> RangeBegin(std::string_view content_range) {
  constexpr std::string_view kUnit = "bytes ";
  if (!content_range.starts_with(kUnit)) return std::nullopt;
  content_range.remove_prefix(kUnit.size());
  int64_t begin = 0;
  if (!absl::SimpleAtoi(std::string(content_range.substr(0, content_range.find('-'))), &begin) || begin < 0) return std::nullopt;
  return begin;
}

class FileSink final : public net::BodySink {
 public:
  FileSink(std::string path, std::string shown, int64_t bytes_max)
      : path_(std::move(path)), shown_(std::move(shown)), bytes_max_(bytes_max) {}
  ~FileSink() override {
    if (fd_ >= 0) close(fd_);
    if (fd_ >= 0 && !done_) unlink(path_.c_str());
  }

  Status Open() {
    fd_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    return fd_ >= 0 ? absl::OkStatus() : absl::ErrnoToStatus(errno, path_);
  }

  // Each attempt asks from here.
  int64_t have() const { return have_; }
  void BeginAttempt() { first_bytes_ = true; }

  Status OnBytes(const net::ClientResponse& head, std::string_view bytes) override {
    if (first_bytes_) VIGIL_RETURN_IF_ERROR(Place(head));
    if (have_ + static_cast<int64_t>(bytes.size()) > bytes_max_) {
      return absl::ResourceExhaustedError(absl::StrCat(shown_, ": more than ", bytes_max_, " bytes came"));
    }
    digests_.Add(bytes);
    have_ += static_cast<int64_t>(bytes.size());
    while (!bytes.empty()) {
      const ssize_t wrote = write(fd_, bytes.data(), bytes.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote <= 0) return absl::ErrnoToStatus(errno, path_);
      bytes.remove_prefix(static_cast<size_t>(wrote));
    }
    return absl::OkStatus();
  }

  StatusOr<Digests> Finish() {
    if (fsync(fd_) != 0) return absl::ErrnoToStatus(errno, path_);
    done_ = true;
    return digests_.Take();
  }

 private:
  // A server that knows no ranges sends everything again.
  Status Place(const net::ClientResponse& head) {
    first_bytes_ = false;
    if (head.status == 206) {
      const std::optional<int64_t> begin = RangeBegin(head.header("content-range"));
      if (begin == have_) return absl::OkStatus();
      return absl::DataLossError(absl::StrCat(shown_, ": asked from byte ", have_, " on, the answer is '",
                                              std::string(head.header("content-range").substr(0, 100)), "'"));
    }
    if (have_ == 0) return absl::OkStatus();
    have_ = 0;
    digests_.Reset();
    if (ftruncate(fd_, 0) != 0 || lseek(fd_, 0, SEEK_SET) != 0) return absl::ErrnoToStatus(errno, path_);
    return absl::OkStatus();
  }

  const std::string path_, shown_;
  const int64_t bytes_max_;
  int fd_ = -1;
  int64_t have_ = 0;
  bool first_bytes_ = true, done_ = false;
  RunningDigests digests_;
};

// What the answer to the first attempt says outlives the attempts that follow.
class KeepingHead final : public net::BodySink {
 public:
  KeepingHead(FileSink& sink, Store& store, const Object& object) : sink_(sink), store_(store), object_(object) {}
  Status OnBytes(const net::ClientResponse& head, std::string_view bytes) override {
    if (fresh && head.status == 200) said = store_.SaidOf(object_, head);
    fresh = false;
    return sink_.OnBytes(head, bytes);
  }
  Digests said;
  bool fresh = true;  // no byte of this attempt has come

 private:
  FileSink& sink_;
  Store& store_;
  const Object& object_;
};

}  // namespace

StatusOr<Downloaded> Download(Store& store, const Object& object, const std::string& shown, int64_t bytes_max, const std::string& path) {
  FileSink sink(path, shown, bytes_max);
  VIGIL_RETURN_IF_ERROR(sink.Open());
  KeepingHead keeping(sink, store, object);
  const auto make = [&]() -> StatusOr<Request> {
    sink.BeginAttempt();
    keeping.fresh = true;
    return store.Get(object, sink.have());
  };
  // A connection may break after the last byte; then there is nothing left to ask for.
  const bool knows_size = object.bytes >= 0;
  StatusOr<net::ClientResponse> response = store.caller().Call(shown, make, &store.credentials(), &keeping, [&] { return sink.have(); });
  const bool whole = knows_size && object.bytes > 0 && sink.have() == object.bytes;
  if (!response.ok() && !(whole && absl::IsUnavailable(response.status()))) return response.status();
  if (response.ok() && response->status / 100 != 2 && !(whole && response->status == 416)) {
    return Refusal(shown, *response, &store.credentials());
  }
  if (knows_size && sink.have() != object.bytes) {
    return absl::DataLossError(absl::StrCat(shown, ": ", sink.have(), " bytes came, ", object.bytes, " were listed"));
  }
  Downloaded downloaded;
  downloaded.bytes = sink.have();
  VIGIL_ASSIGN_OR_RETURN(const Digests found, sink.Finish());
  const Status as_listed = CheckDigests(shown, object.digests, found);
  const Status as_said = as_listed.ok() ? CheckDigests(shown, keeping.said, found) : as_listed;
  if (!as_said.ok()) {
    unlink(path.c_str());
    return as_said;
  }
  downloaded.sha256 = Hex(found.sha256);
  return downloaded;
}

}  // namespace vigil::blobs
