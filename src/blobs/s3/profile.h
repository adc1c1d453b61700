// ~/.aws/credentials and ~/.aws/config: sections of "name = value".
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/status.h"
#include "blobs/caller.h"

namespace vigil::blobs::s3 {

using Sections = std::map<std::string, std::map<std::string, std::string>>;

// INVALID_ARGUMENT names `file` and the line. Comments begin with '#' or ';'; indented lines (nested settings) are passed over.
StatusOr<Sections> ParseProfiles(std::string_view text, const std::string& file);

// A profile's settings from both files, the credentials file's first. Empty when there is no such profile or file.
StatusOr<std::map<std::string, std::string>> ReadProfile(const Environment& environment, const std::string& profile);

// AWS_PROFILE, AWS_DEFAULT_PROFILE or "default".
std::string ProfileName(const Environment& environment);

}  // namespace vigil::blobs::s3
