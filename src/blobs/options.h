// Limits of reading from a store, each with its default (vigil.yaml: sources).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace vigil::blobs {

struct BlobOptions {
  int64_t snapshot_bytes_max = int64_t{16} << 30;  // of all objects of a source together
  int64_t objects_max = 10'000;                    // of a source
  int64_t request_timeout_ms = 30'000;             // of a listing, a look or a token
  int64_t connect_timeout_ms = 10'000;
  int64_t stall_timeout_ms = 30'000;    // a transfer without a byte for so long is taken up again
  int attempts_max = 5;                 // of a request without progress, the first included
  int64_t pause_first_ms = 200;         // before the second attempt, then twice as long each time, with jitter
  int64_t pause_max_ms = 10'000;        // also of what the store asks for in Retry-After
  int restarts_max = 3;                 // a source that changed while it was read is read anew so often
  bool plain_http = false;              // http:// beyond this machine
  std::string ca_file;                  // PEM; empty: AWS_CA_BUNDLE (s3), SSL_CERT_FILE, the system's
  size_t listing_bytes_max = 32 << 20;  // one page
};

inline constexpr int kRedirectsMax = 5;
inline constexpr size_t kKeyBytesMax = 1024;
inline constexpr int64_t kSecretFileBytesMax = 1 << 20;  // credentials, tokens and the like
inline constexpr int kServiceAttemptsMax = 3;            // of a request to a service that gives credentials
inline constexpr size_t kTokenBytesMax = 256 << 10;      // what a service that gives credentials may answer

}  // namespace vigil::blobs
