#include "net/content_coding.h"

#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace vigil::net {
namespace {

constexpr int kZlibWindow = 15, kGzipWindow = 15 + 16, kRawWindow = -15;
constexpr size_t kFirstBytes = 16 << 10;

struct Inflater {
  explicit Inflater(int window) { ok = inflateInit2(&stream, window) == Z_OK; }
  ~Inflater() {
    if (ok) inflateEnd(&stream);
  }
  z_stream stream{};
  bool ok = false;
};

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

// A zlib header is CMF and FLG with a checksum (RFC 1950); raw deflate data that happen to look like one are rare and then fail later.
bool HasZlibHeader(std::string_view body) {
  if (body.size() < 2) return false;
  const auto cmf = static_cast<unsigned char>(body[0]), flg = static_cast<unsigned char>(body[1]);
  return (cmf & 0x0F) == 8 && (cmf * 256 + flg) % 31 == 0;
}

// "gzip;q=0.5" → whether it is `name` and liked at all, and how much.
double Quality(absl::string_view item, absl::string_view name) {
  const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(item, absl::MaxSplits(';', 1));
  if (!absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(parts.first), name)) return -1;
  const size_t at = parts.second.find("q=");
  if (at == absl::string_view::npos) return 1;
  const absl::string_view text = absl::StripAsciiWhitespace(parts.second.substr(at + 2));
  double quality = 0;
  std::from_chars(text.data(), text.data() + text.size(), quality);
  return quality;
}

}  // namespace

std::string_view CodingName(Coding coding) {
  constexpr std::string_view kNames[] = {"identity", "gzip", "deflate"};
  return kNames[static_cast<size_t>(coding)];
}

StatusOr<Coding> CodingOf(std::string_view content_encoding) {
  const absl::string_view name = absl::StripAsciiWhitespace(View(content_encoding));
  if (name.empty() || absl::EqualsIgnoreCase(name, "identity")) return Coding::kIdentity;
  if (absl::EqualsIgnoreCase(name, "gzip") || absl::EqualsIgnoreCase(name, "x-gzip")) return Coding::kGzip;
  if (absl::EqualsIgnoreCase(name, "deflate")) return Coding::kDeflate;
  return absl::InvalidArgumentError(
      absl::StrCat("Content-Encoding \"", name.substr(0, 64), "\" is not decoded here; gzip, deflate and identity are"));
}

Coding AcceptedCoding(std::string_view accept_encoding) {
  if (accept_encoding.empty()) return Coding::kIdentity;
  double gzip = -1, deflate = -1, any = -1;
  for (const absl::string_view item : absl::StrSplit(View(accept_encoding), ',')) {
    gzip = std::max(gzip, Quality(item, "gzip"));
    deflate = std::max(deflate, Quality(item, "deflate"));
    any = std::max(any, Quality(item, "*"));
  }
  if (gzip < 0) gzip = any;
  if (gzip <= 0 && deflate <= 0) return Coding::kIdentity;
  return gzip >= deflate ? Coding::kGzip : Coding::kDeflate;
}

Status Decode(Coding coding, std::string_view body, size_t bytes_max, std::string* to) {
  to->clear();
  if (coding == Coding::kIdentity) {
    to->assign(body);
    return absl::OkStatus();
  }
  const auto broken = [coding](std::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("the body is not the ", View(CodingName(coding)), " it says it is: ", View(why)));
  };
  Inflater inflater(coding == Coding::kGzip ? kGzipWindow : HasZlibHeader(body) ? kZlibWindow : kRawWindow);
  if (!inflater.ok) return absl::ResourceExhaustedError("no memory to decompress the body");
  z_stream& stream = inflater.stream;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  for (;;) {
    const size_t had = to->size();
    // One byte beyond the limit tells what is exactly as large from what is larger.
    to->resize(std::min(std::max(kFirstBytes, 2 * had), bytes_max + 1));
    stream.next_out = reinterpret_cast<Bytef*>(to->data() + had);
    stream.avail_out = static_cast<uInt>(to->size() - had);
    const int result = inflate(&stream, Z_NO_FLUSH);
    to->resize(to->size() - stream.avail_out);
    if (to->size() > bytes_max) {
      to->clear();
      return absl::ResourceExhaustedError(absl::StrCat("the body is more than ", bytes_max, " bytes when decompressed"));
    }
    if (result == Z_STREAM_END) break;
    if (result != Z_OK && result != Z_BUF_ERROR) return broken(stream.msg == nullptr ? "damaged" : stream.msg);
    if (stream.avail_in == 0 && stream.avail_out != 0) return broken("it ends early");
  }
  return stream.avail_in == 0 ? absl::OkStatus() : broken("something follows it");
}

void Encode(Coding coding, std::string_view body, std::string* to) {
  z_stream stream{};
  const int window = coding == Coding::kGzip ? kGzipWindow : kZlibWindow;
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) != Z_OK) std::abort();  // no memory
  to->resize(deflateBound(&stream, body.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(to->data());
  stream.avail_out = static_cast<uInt>(to->size());
  deflate(&stream, Z_FINISH);  // room for all of it, so one call ends it
  to->resize(stream.total_out);
  deflateEnd(&stream);
}

}  // namespace vigil::net
