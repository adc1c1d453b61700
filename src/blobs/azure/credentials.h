// Where Azure credentials come from, and the signature with an account's key.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "blobs/renewed.h"

namespace vigil::blobs::azure {

struct Authorization {
  enum class Kind : uint8_t { kNone, kKey, kSas, kToken };
  Kind kind = Kind::kNone;
  std::string secret;  // the key's bytes; the query "sv=...&sig=..."; the bearer token
};

struct Account {
  std::string name;
  std::string endpoint;  // "https://name.blob.core.windows.net", or an emulator's with the account in its path
  Authorization fixed;   // of the connection string
};

// The parts of "AccountName=a;AccountKey=b;...", and the emulator's for UseDevelopmentStorage=true. INVALID_ARGUMENT never shows the text.
StatusOr<Account> ParseConnectionString(const std::string& text);

// In this order: AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN, a client's secret (AZURE_CLIENT_SECRET),
// workload identity (AZURE_FEDERATED_TOKEN_FILE), managed identity (IDENTITY_ENDPOINT, else the machine's metadata service). None:
// anonymous.
StatusOr<Found<Authorization>> FindAuthorization(const Context& context, Caller& caller, const Account& account);

struct ToSign {
  std::string method = "GET";
  std::string account;
  std::string path;                            // as sent, percent-encoded, with an emulator's account in front
  std::map<std::string, std::string> query;    // names in lower case, values as they are
  std::map<std::string, std::string> headers;  // names in lower case; all that are sent
};
// "SharedKey account:signature". https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
std::string SharedKey(const ToSign& request, const std::string& key);

}  // namespace vigil::blobs::azure
