#include "io/backup/azure_objects.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "core/base/limits.h"
#include "io/auth/hmac.h"
#include "io/backup/object_requests.h"
#include "io/config/time_text.h"
#include "io/json/base64.h"
#include "io/protocol/http/answer_writer.h"

namespace patronus::backup {
namespace {

// Takes up to 5,000 MiB in one request, which is whole or not at all: there is no need to put a blob together
// from blocks.
constexpr std::string_view kAzureVersion = "2021-08-06";
constexpr uint64_t kAzurePutBytesMax = 5'000 * limits::kMiB;
static_assert(limits::kBackupObjectBytesMax <= kAzurePutBytesMax);

constexpr std::string_view kAzureNamesOfPage =
    "1000";  // as S3's pages have, which is what their number allows for

// It becomes a part of a host's name and of a header.
bool is_azure_account(std::string_view account) {
  return !account.empty() && std::all_of(account.begin(), account.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// A name that XML can't hold, which any program may have given a blob, comes percent-encoded.
std::optional<std::string> blob_name(const XmlElement* element) {
  if (element == nullptr || element->text.empty()) return std::nullopt;
  if (element->attribute("Encoded") != "true") return element->text;
  const std::string_view text = element->text;
  std::string name;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      name.push_back(text[i]);
      continue;
    }
    if (text.size() - i < 3 || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0) return std::nullopt;
    name.push_back(static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2])));
    i += 2;
  }
  return name;
}

class AzureObjects : public Objects {
 public:
  explicit AzureObjects(const Target& target) : target_(target) {
    const std::string endpoint =
        target.endpoint.empty() ? "https://" + target.account + ".blob.core.windows.net" : target.endpoint;
    const size_t path = endpoint.find('/', endpoint.find("://") + 3);
    host_ = endpoint.substr(0, path);
    container_ =
        (path == std::string::npos ? "" : endpoint.substr(path)) + "/" + uri_encoded(target.bucket, false);
    const std::string key = from_environment("LITESTREAM_AZURE_ACCOUNT_KEY", "LITESTREAM_AZURE_ACCOUNT_KEY");
    const std::optional<std::string> bytes = json::base64_decode(key);
    key_ = bytes.value_or("");
    if (!is_azure_account(target.account)) {
      fault_ = target_.url() + " has an account's name that none can have";
    } else if (endpoint.find_first_of("?#") != std::string::npos) {
      fault_ = target_.url() + " has an endpoint with more than a path";
    } else if (key.empty()) {
      fault_ = target_.url() + " needs LITESTREAM_AZURE_ACCOUNT_KEY";
    } else if (key_.empty()) {
      fault_ = "LITESTREAM_AZURE_ACCOUNT_KEY is no key: base64, as Azure shows it";
    }
  }

  std::variant<Listing, std::string> list(const std::string& folder) override {
    if (fault_) return *fault_;
    return list_pages(target_, folder,
                      [&](const std::string& prefix, const std::string& from) { return page(prefix, from); });
  }

  std::optional<std::string> put(const std::string& name, const std::string& from_file) override {
    if (fault_) return fault_;
    std::variant<Upload, std::string> opened = open_upload(from_file, EVP_md5());
    if (auto* failed = std::get_if<std::string>(&opened)) return std::move(*failed);
    const auto& upload = std::get<Upload>(opened);
    AzureRequest wanted = request_of("PUT", path_of(name));
    wanted.headers["x-ms-blob-type"] = "BlockBlob";
    wanted.content_md5 = json::base64_encode(upload.digest);
    wanted.content_bytes = upload.bytes;
    ObjectRequest request = signed_request(wanted);
    request.upload = &upload;
    std::string answer;
    return requests_.perform(request, answer);
  }

  std::optional<std::string> get(const std::string& name, const std::string& to_file) override {
    if (fault_) return fault_;
    return requests_.download(signed_request(request_of("GET", path_of(name))), to_file);
  }

  std::optional<std::string> remove(const std::string& name) override {
    if (fault_) return fault_;
    std::string answer;
    return requests_.perform(signed_request(request_of("DELETE", path_of(name))), answer);
  }

 private:
  std::string path_of(const std::string& name) const {
    return container_ + "/" + uri_encoded(path_below(target_, name), true);
  }

  std::variant<ListPage, std::string> page(const std::string& prefix, const std::string& from) {
    AzureRequest wanted = request_of("GET", container_);
    wanted.query = {{"comp", "list"},
                    {"delimiter", "/"},
                    {"maxresults", std::string(kAzureNamesOfPage)},
                    {"restype", "container"}};
    if (!prefix.empty()) wanted.query["prefix"] = prefix;
    if (!from.empty()) wanted.query["marker"] = from;
    std::string answer;
    if (Fault failed = requests_.perform(signed_request(wanted), answer)) return std::move(*failed);
    std::variant<ListPage, std::string> read = parse_azure_page(answer);
    if (const auto* failed = std::get_if<std::string>(&read)) return target_.url() + ": " + *failed;
    return read;
  }

  static AzureRequest request_of(std::string method, std::string path) {
    http::DateText date;
    AzureRequest request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.headers = {{"x-ms-date", std::string(date.at(WallTime{wall_now_ms()}))},
                       {"x-ms-version", std::string(kAzureVersion)}};
    return request;
  }

  ObjectRequest signed_request(const AzureRequest& wanted) const {
    ObjectRequest request;
    request.method = wanted.method;
    request.url = host_ + wanted.path;
    char separator = '?';
    for (const auto& [name, value] : wanted.query) {
      request.url += separator + name + "=" + uri_encoded(value, false);
      separator = '&';
    }
    for (const auto& [name, value] : wanted.headers)
      request.headers.emplace_back(name).append(": ").append(value);
    if (!wanted.content_md5.empty()) request.headers.push_back("Content-MD5: " + wanted.content_md5);
    request.headers.push_back("Authorization: SharedKey " + target_.account + ":" +
                              azure_signature(key_, azure_string_to_sign(target_.account, wanted)));
    return request;
  }

  Target target_;
  ObjectRequests requests_;
  std::string host_;       // scheme://host:port
  std::string container_;  // its path, encoded
  std::string key_;
  Fault fault_;
};

}  // namespace

std::string azure_string_to_sign(std::string_view account, const AzureRequest& request) {
  std::string text = request.method + "\n";
  text += "\n\n";  // Content-Encoding, Content-Language
  text += (request.content_bytes == 0 ? "" : std::to_string(request.content_bytes)) + "\n";
  text += request.content_md5 + "\n";
  text += "\n\n";        // Content-Type; Date, in whose place x-ms-date is
  text += "\n\n\n\n\n";  // If-Modified-Since, If-Match, If-None-Match, If-Unmodified-Since, Range
  for (const auto& [name, value] : request.headers) text.append(name).append(":").append(value).append("\n");
  text += "/" + std::string(account) + request.path;
  for (const auto& [name, value] : request.query) text.append("\n").append(name).append(":").append(value);
  return text;
}

std::string azure_signature(std::string_view key, std::string_view string_to_sign) {
  const std::array<char, auth::kHmacBytes> code = auth::HmacSha256().code(key, string_to_sign, "");
  return json::base64_encode({code.data(), code.size()});
}

std::variant<ListPage, std::string> parse_azure_page(std::string_view xml) {
  const std::optional<XmlElement> root = parse_xml(xml);
  const XmlElement* blobs = root && root->name == "EnumerationResults" ? root->child("Blobs") : nullptr;
  if (blobs == nullptr || blobs->text.find_first_not_of(" \t\r\n") != std::string::npos)
    return "the answer is no list of blobs";
  ListPage page;
  for (const XmlElement& one : blobs->children) {
    std::optional<std::string> name = blob_name(one.child("Name"));
    const XmlElement* properties = one.child("Properties");
    const std::optional<uint64_t> bytes =
        properties == nullptr ? std::nullopt : number_of(properties->child("Content-Length"));
    if (name && one.name == "BlobPrefix") {
      page.listing.folders.push_back(std::move(*name));
    } else if (name && bytes && one.name == "Blob") {
      page.listing.objects.push_back({std::move(*name), *bytes});
    } else {
      return "the list of blobs is damaged";
    }
  }
  // Empty in the last answer; one without it is not what it seems to be.
  const XmlElement* marker = root->child("NextMarker");
  if (marker == nullptr || !marker->children.empty()) return "the list of blobs is cut short";
  page.continuation = marker->text;
  return page;
}

std::unique_ptr<Objects> open_azure_objects(const Target& target) {
  return std::make_unique<AzureObjects>(target);
}

}  // namespace patronus::backup
