#include "blobs/uri.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "blobs/options.h"

namespace vigil::blobs {
namespace {

constexpr std::string_view kDigest = "#sha256=";
constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr size_t kUriBytesMax = 8 << 10;

struct SchemeName {
  std::string_view prefix;
  Scheme scheme;
};
constexpr SchemeName kSchemes[] = {
    {"https://", Scheme::kHttps}, {"http://", Scheme::kHttp}, {"s3://", Scheme::kS3}, {"gs://", Scheme::kGcs}, {"az://", Scheme::kAzure}};

const SchemeName* FindScheme(std::string_view text) {
  const auto* found =
      std::find_if(std::begin(kSchemes), std::end(kSchemes), [&](const SchemeName& s) { return text.starts_with(s.prefix); });
  return found == std::end(kSchemes) ? nullptr : found;
}

bool IsWeb(Scheme scheme) { return scheme == Scheme::kHttps || scheme == Scheme::kHttp; }

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

// Takes "#sha256=..." off the end of `text`.
StatusOr<std::string> TakeDigest(std::string_view* text) {
  const size_t at = text->rfind(kDigest);
  if (at == std::string_view::npos) return std::string();
  const std::string digest = absl::AsciiStrToLower(std::string(text->substr(at + kDigest.size())));
  if (digest.size() != 64 || digest.find_first_not_of(kHexDigits) != std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(Shown(*text), ": after #sha256= come 64 hexadecimal digits, not ", digest.size(), " characters"));
  }
  text->remove_suffix(text->size() - at);
  return digest;
}

// A hidden name would not be looked into; one of ours could be taken for the snapshot's own notes.
std::string NameOf(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  if (const size_t slash = path.rfind('/'); slash != std::string_view::npos) path.remove_prefix(slash + 1);
  return CheckObjectName(path).ok() && path[0] != '.' ? std::string(path) : "model";
}

Status ParseWeb(std::string_view rest, bool plain_http, std::string_view prefix, Uri* uri) {
  if (const size_t hash = rest.find('#'); hash != std::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat(uri->shown, ": after '#' only sha256=DIGEST is understood"));
  }
  if (rest.find(' ') != std::string_view::npos) return absl::InvalidArgumentError(absl::StrCat(uri->shown, ": a space is written %20"));
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  const std::string_view authority = rest.substr(0, end);
  if (authority.empty()) return absl::InvalidArgumentError(absl::StrCat(uri->shown, ": names no host; expected https://host/path"));
  if (authority.find('@') != std::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat(uri->shown, ": holds a user name or password, which would be shown; use a signed URL"));
  }
  uri->place = absl::StrCat(std::string(prefix), std::string(authority));
  if (uri->scheme == Scheme::kHttp && !plain_http && !IsLoopbackHost(HostOf(uri->place))) {
    return absl::InvalidArgumentError(
        absl::StrCat(uri->shown,
                     ": http:// is read on this machine only, since anybody on the way could change the model; use https://, or allow it "
                     "with sources.plain_http (VIGIL_SOURCES_PLAIN_HTTP=1)"));
  }
  const std::string_view target = rest.substr(end);
  uri->key = target.starts_with('/') ? std::string(target) : absl::StrCat("/", std::string(target));
  uri->name = NameOf(std::string_view(uri->key).substr(0, uri->key.find('?')));
  return absl::OkStatus();
}

}  // namespace

bool IsRemote(std::string_view text) { return FindScheme(text) != nullptr; }

std::string Shown(std::string_view text) {
  if (const size_t at = text.rfind(kDigest); at != std::string_view::npos) text = text.substr(0, at);
  const SchemeName* scheme = FindScheme(text);
  if (scheme == nullptr || !IsWeb(scheme->scheme)) return std::string(text);
  std::string_view rest = text.substr(scheme->prefix.size());
  rest = rest.substr(0, rest.find_first_of("?#"));
  const size_t slash = std::min(rest.find('/'), rest.size());
  if (const size_t user = rest.substr(0, slash).rfind('@'); user != std::string_view::npos) rest.remove_prefix(user + 1);
  return absl::StrCat(std::string(scheme->prefix), std::string(rest));
}

StatusOr<Uri> ParseUri(std::string_view text, bool plain_http) {
  const SchemeName* scheme = FindScheme(text);
  if (scheme == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(std::string(text.substr(0, 100)), ": is not s3://, gs://, az:// or https://"));
  }
  Uri uri;
  uri.scheme = scheme->scheme;
  uri.shown = Shown(text);
  if (text.size() > kUriBytesMax)
    return absl::InvalidArgumentError(absl::StrCat(uri.shown.substr(0, 100), "...: longer than ", kUriBytesMax, " bytes"));
  if (HasControl(text)) return absl::InvalidArgumentError("the address of a model holds control characters");
  VIGIL_ASSIGN_OR_RETURN(uri.sha256, TakeDigest(&text));
  std::string_view rest = text.substr(scheme->prefix.size());
  if (IsWeb(uri.scheme)) {
    VIGIL_RETURN_IF_ERROR(ParseWeb(rest, plain_http, scheme->prefix, &uri));
    return uri;
  }
  const size_t slash = std::min(rest.find('/'), rest.size());
  uri.place = std::string(rest.substr(0, slash));
  uri.key = std::string(rest.substr(std::min(slash + 1, rest.size())));
  const char* form = uri.scheme == Scheme::kAzure ? "az://container/name"
                     : uri.scheme == Scheme::kS3  ? "s3://bucket/key"
                                                  : "gs://bucket/name";
  constexpr std::string_view kPlace = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:$";
  if (uri.place.empty() || uri.place.find_first_not_of(kPlace) != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat(uri.shown, ": '", uri.place, "' cannot be a bucket or container; expected ", form));
  }
  uri.name = NameOf(uri.key.empty() ? uri.place : uri.key);
  return uri;
}

Status CheckObjectName(std::string_view name) {
  const auto refuse = [&](const char* why) {
    std::string shown(name.substr(0, 100));
    std::replace_if(
        shown.begin(), shown.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, '?');
    return absl::InvalidArgumentError(absl::StrCat("an object's name, '", shown, "', cannot become a path: ", why));
  };
  if (name.empty()) return refuse("it is empty");
  if (name.size() > kKeyBytesMax) return refuse("it is too long");
  if (HasControl(name)) return refuse("it holds control characters");
  if (name.find('\\') != std::string_view::npos) return refuse("it holds a backslash");
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    if (part.empty()) return refuse("a part of it is empty");
    if (part == "." || part == "..") return refuse("it leads elsewhere");
    if (part.size() > 255) return refuse("a part of it is too long");
    begin = end + 1;
  }
  return absl::OkStatus();
}

bool IsLoopbackHost(std::string_view host) {
  if (host == "localhost" || host == "::1") return true;
  // "127.0.0.1" and its kind, not a name such as "127.0.0.1.example.org".
  return host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

std::string_view HostOf(std::string_view base_url) {
  if (const size_t scheme = base_url.find("://"); scheme != std::string_view::npos) base_url.remove_prefix(scheme + 3);
  base_url = base_url.substr(0, base_url.find_first_of("/?#"));
  if (base_url.starts_with('[')) return base_url.substr(1, std::min(base_url.find(']'), base_url.size()) - 1);
  return base_url.substr(0, base_url.find(':'));
}

std::string PercentEncode(std::string_view text, bool keep_slash) {
  constexpr char kUpper[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.' || c == '~' || (c == '/' && keep_slash)) {
      out += c;
    } else {
      out += '%';
      out += kUpper[static_cast<unsigned char>(c) >> 4];
      out += kUpper[static_cast<unsigned char>(c) & 15];
    }
  }
  return out;
}

}  // namespace vigil::blobs
