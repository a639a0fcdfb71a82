// Objects in Azure's blob storage, of which each is a block blob. Requests are signed with the account's key:
// Microsoft's "Authorize with Shared Key", as for versions of the service from 2016-05-31 on.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "io/backup/objects.h"

namespace patronus::backup {

// What of a request is signed. There are no other headers of those that the rules name, or they are empty.
struct AzureRequest {
  std::string method;
  std::string path;                            // of the URL, encoded, as it is sent
  std::map<std::string, std::string> query;    // names in small letters, values not encoded
  std::map<std::string, std::string> headers;  // x-ms-…, in small letters
  std::string content_md5;
  uint64_t content_bytes = 0;
};
[[nodiscard]] std::string azure_string_to_sign(std::string_view account, const AzureRequest& request);
// In base64; the key is its bytes, of which there are some.
[[nodiscard]] std::string azure_signature(std::string_view key, std::string_view string_to_sign);

// The body of an answer to List Blobs.
[[nodiscard]] std::variant<ListPage, std::string> parse_azure_page(std::string_view xml);

[[nodiscard]] std::unique_ptr<Objects> open_azure_objects(const Target& target);

}  // namespace patronus::backup
