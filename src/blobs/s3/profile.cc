#include "blobs/s3/profile.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "blobs/options.h"
#include "storage/whole_file.h"

namespace vigil::blobs::s3 {
namespace {

StatusOr<Sections> ReadSections(const std::string& path) {
  const StatusOr<std::string> text = ReadWholeFile(path, kSecretFileBytesMax);
  if (absl::IsNotFound(text.status())) return Sections();
  if (!text.ok()) return text.status();
  return ParseProfiles(*text, path);
}

}  // namespace

StatusOr<Sections> ParseProfiles(std::string_view text, const std::string& file) {
  Sections sections;
  std::map<std::string, std::string>* section = nullptr;
  int number = 0;
  for (const absl::string_view raw : absl::StrSplit(absl::string_view(text.data(), text.size()), '\n')) {
    ++number;
    const absl::string_view line = absl::StripAsciiWhitespace(raw);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (absl::ascii_isspace(static_cast<unsigned char>(raw[0])) && section != nullptr) continue;
    if (line[0] == '[') {
      const size_t end = line.find(']');
      if (end == absl::string_view::npos) return absl::InvalidArgumentError(absl::StrCat(file, ":", number, ": a section without ']'"));
      section = &sections[std::string(absl::StripAsciiWhitespace(line.substr(1, end - 1)))];
      continue;
    }
    const size_t equals = line.find('=');
    if (equals == absl::string_view::npos || section == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(file, ":", number, ": expected [profile] or name = value"));
    }
    (*section)[absl::AsciiStrToLower(absl::StripAsciiWhitespace(line.substr(0, equals)))] =
        std::string(absl::StripAsciiWhitespace(line.substr(equals + 1)));
  }
  return sections;
}

std::string ProfileName(const Environment& environment) {
  return Variable(environment, "AWS_PROFILE", Variable(environment, "AWS_DEFAULT_PROFILE", "default"));
}

StatusOr<std::map<std::string, std::string>> ReadProfile(const Environment& environment, const std::string& profile) {
  const std::string home = Variable(environment, "HOME");
  const std::string credentials = Variable(environment, "AWS_SHARED_CREDENTIALS_FILE", home.empty() ? "" : home + "/.aws/credentials");
  const std::string config = Variable(environment, "AWS_CONFIG_FILE", home.empty() ? "" : home + "/.aws/config");
  std::map<std::string, std::string> found;
  if (!credentials.empty()) {
    VIGIL_ASSIGN_OR_RETURN(const Sections sections, ReadSections(credentials));
    if (const auto section = sections.find(profile); section != sections.end()) found = section->second;
  }
  if (!config.empty()) {
    VIGIL_ASSIGN_OR_RETURN(const Sections sections, ReadSections(config));
    const auto section = sections.find(profile == "default" ? profile : "profile " + profile);
    if (section != sections.end()) found.insert(section->second.begin(), section->second.end());
  }
  return found;
}

}  // namespace vigil::blobs::s3
