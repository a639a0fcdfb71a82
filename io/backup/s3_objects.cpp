// Objects in S3 and in what speaks like it: requests signed by libcurl (CURLOPT_AWS_SIGV4, AWS signature
// version 4).
#include <curl/curl.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <functional>

#include "core/base/limits.h"
#include "io/backup/file_objects.h"
#include "io/storage/file.h"

namespace patronus::backup {
namespace {

struct CloseCurl {
  void operator()(CURL* curl) const { curl_easy_cleanup(curl); }
};
struct FreeDigest {
  void operator()(EVP_MD_CTX* digest) const { EVP_MD_CTX_free(digest); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using FilePointer = std::unique_ptr<std::FILE, CloseFile>;

// RFC 3986's unreserved characters stay, as the signature demands.
std::string uri_encoded(std::string_view text, bool keep_slashes) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool stays = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '-' || c == '_' || c == '.' || c == '~' || (c == '/' && keep_slashes);
    if (stays) {
      out.push_back(c);
    } else {
      out += {'%', kHex[static_cast<unsigned char>(c) >> 4], kHex[static_cast<unsigned char>(c) & 15]};
    }
  }
  return out;
}

// Of no bytes at all.
constexpr const char* kEmptySha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

// In hexadecimal digits; the file is at its beginning again. Empty: it can't be read.
std::string sha256_of(std::FILE* file) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  const std::unique_ptr<EVP_MD_CTX, FreeDigest> digest(EVP_MD_CTX_new());
  if (!digest || EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr) != 1) return "";
  std::array<unsigned char, 64 * 1024> piece{};
  while (const size_t n = std::fread(piece.data(), 1, piece.size(), file)) {
    if (EVP_DigestUpdate(digest.get(), piece.data(), n) != 1) return "";
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned length = 0;
  if (std::ferror(file) != 0 || std::fseek(file, 0, SEEK_SET) != 0 ||
      EVP_DigestFinal_ex(digest.get(), bytes.data(), &length) != 1)
    return "";
  std::string text;
  for (unsigned i = 0; i < length; ++i) text += {kHex[bytes[i] >> 4U], kHex[bytes[i] & 15U]};
  return text;
}

std::string from_environment(const char* first, const char* second) {
  for (const char* name : {first, second}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return "";
}

size_t take_text(const char* bytes, size_t size, size_t count, void* to) {
  auto& text = *static_cast<std::string*>(to);
  if (text.size() + size * count > limits::kCtlAnswerBytesMax) return 0;
  text.append(bytes, size * count);
  return size * count;
}

// What of an XML text is between these tags, from `at` on; `at` moves behind it. Nothing if there is no more.
std::optional<std::string_view> next_element(std::string_view xml, std::string_view tag, size_t& at) {
  const std::string open = "<" + std::string(tag) + ">";
  const std::string close = "</" + std::string(tag) + ">";
  const size_t begin = xml.find(open, at);
  if (begin == std::string_view::npos) return std::nullopt;
  const size_t end = xml.find(close, begin);
  if (end == std::string_view::npos) return std::nullopt;
  at = end + close.size();
  return xml.substr(begin + open.size(), end - begin - open.size());
}

std::optional<std::string_view> element(std::string_view xml, std::string_view tag) {
  size_t at = 0;
  return next_element(xml, tag, at);
}

std::string unescaped(std::string_view text) {
  static constexpr std::pair<std::string_view, char> kNamed[] = {
      {"&amp;", '&'},   {"&lt;", '<'},   {"&gt;", '>'}, {"&quot;", '"'},
      {"&apos;", '\''}, {"&#39;", '\''}, {"&#34;", '"'}};
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const auto* known = std::find_if(std::begin(kNamed), std::end(kNamed),
                                     [&](const auto& one) { return text.substr(i).starts_with(one.first); });
    if (known == std::end(kNamed)) {
      out.push_back(text[i++]);
    } else {
      out.push_back(known->second);
      i += known->first.size();
    }
  }
  return out;
}

class S3Objects : public Objects {
 public:
  explicit S3Objects(const Target& target) : target_(target) {
    static const bool kStarted = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    if (kStarted) curl_.reset(curl_easy_init());
    const std::string region =
        target.region.empty() ? from_environment("AWS_REGION", "AWS_DEFAULT_REGION") : target.region;
    region_ = region.empty() ? "us-east-1" : region;
    std::string endpoint =
        target.endpoint.empty() ? "https://s3." + region_ + ".amazonaws.com" : target.endpoint;
    if (target.force_path_style) {
      base_ = endpoint + "/" + target.bucket;
    } else {
      const size_t host = endpoint.find("://") + 3;
      base_ = endpoint.insert(host, target.bucket + ".");
    }
    key_ = from_environment("LITESTREAM_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID");
    secret_ = from_environment("LITESTREAM_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY");
    token_ = from_environment("AWS_SESSION_TOKEN", "AWS_SESSION_TOKEN");
  }

  std::variant<Listing, std::string> list(const std::string& folder) override {
    std::string prefix = folder.empty() ? target_.path : path_below(target_, folder);
    if (!prefix.empty()) prefix += "/";
    Listing all;
    std::string continuation;
    for (size_t page = 0; page < limits::kBackupListPagesMax; ++page) {
      // In the order of their names, as they are signed.
      std::string query = "?";
      if (!continuation.empty()) query += "continuation-token=" + uri_encoded(continuation, false) + "&";
      query += "delimiter=%2F&list-type=2&prefix=" + uri_encoded(prefix, false);
      std::string body;
      if (Fault failed = perform("GET", base_ + "/" + query, kEmptySha256, [&](CURL* curl) {
            curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_text);
            curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
          }))
        return std::move(*failed);
      std::variant<S3Page, std::string> read = parse_s3_page(body);
      if (auto* failed = std::get_if<std::string>(&read)) return target_.url() + ": " + *failed;
      auto& found = std::get<S3Page>(read);
      for (std::string& name : found.listing.folders) {
        if (name.size() > prefix.size() + 1 && name.starts_with(prefix) && name.ends_with('/'))
          all.folders.push_back(name.substr(prefix.size(), name.size() - prefix.size() - 1));
      }
      for (Object& object : found.listing.objects) {
        if (object.name.size() > prefix.size() && object.name.starts_with(prefix))
          all.objects.push_back({object.name.substr(prefix.size()), object.bytes});
      }
      continuation = found.continuation;
      if (continuation.empty()) {
        std::sort(all.folders.begin(), all.folders.end());
        std::sort(all.objects.begin(), all.objects.end(),
                  [](const Object& a, const Object& b) { return a.name < b.name; });
        return all;
      }
    }
    return target_.url() + ": there is too much in " + (folder.empty() ? "it" : folder);
  }

  std::optional<std::string> put(const std::string& name, const std::string& from_file) override {
    const FilePointer file(std::fopen(from_file.c_str(), "rbe"));
    struct stat about{};
    if (!file || ::stat(from_file.c_str(), &about) != 0) return error_text("read", from_file);
    const std::string hash = sha256_of(file.get());
    if (hash.empty()) return error_text("read", from_file);
    return perform("PUT", url_of(name), hash, [&](CURL* curl) {
      curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
      curl_easy_setopt(curl, CURLOPT_READDATA, file.get());
      curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(about.st_size));
    });
  }

  std::optional<std::string> get(const std::string& name, const std::string& to_file) override {
    FilePointer file(std::fopen(to_file.c_str(), "wbe"));
    if (!file) return error_text("create", to_file);
    Fault failed = perform("GET", url_of(name), kEmptySha256, [&](CURL* curl) {
      curl_easy_setopt(curl, CURLOPT_WRITEDATA, file.get());
      curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE,
                       static_cast<curl_off_t>(limits::kBackupObjectBytesMax));
    });
    if (std::fclose(file.release()) != 0 && !failed) failed = error_text("write", to_file);
    if (failed) ::unlink(to_file.c_str());
    return failed;
  }

  std::optional<std::string> remove(const std::string& name) override {
    return perform("DELETE", url_of(name), kEmptySha256, [](CURL*) {});
  }

 private:
  std::string url_of(const std::string& name) const {
    return base_ + "/" + uri_encoded(path_below(target_, name), true);
  }

  // The payload's hash is signed with the rest, so that nothing else is stored than what was sent.
  Fault perform(const char* method, const std::string& url, const std::string& payload_sha256,
                const std::function<void(CURL*)>& prepare) {
    CURL* curl = curl_.get();
    if (curl == nullptr) return std::string("libcurl could not be started");
    if (key_.empty() || secret_.empty())
      return target_.url() + " needs LITESTREAM_ACCESS_KEY_ID and LITESTREAM_SECRET_ACCESS_KEY";
    curl_easy_reset(curl);
    std::array<char, CURL_ERROR_SIZE> why{};
    const std::string signature = "aws:amz:" + region_ + ":s3";
    const std::string user = key_ + ":" + secret_;
    std::unique_ptr<curl_slist, FreeList> headers(
        curl_slist_append(nullptr, ("x-amz-content-sha256: " + payload_sha256).c_str()));
    if (!token_.empty())
      headers.reset(curl_slist_append(headers.release(), ("x-amz-security-token: " + token_).c_str()));
    std::string refused;
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, signature.c_str());
    curl_easy_setopt(curl, CURLOPT_USERPWD, user.c_str());
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why.data());
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 10'000L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(in_ms(limits::kBackupRequestPatience)));
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    if (std::string_view(method) != "GET") {
      curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_text);
      curl_easy_setopt(curl, CURLOPT_WRITEDATA, &refused);
    }
    prepare(curl);
    const CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK) return std::nullopt;
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (status == 404 && std::string_view(method) == "DELETE") return std::nullopt;
    return std::string(method) + " " + url + ": " + (why[0] != '\0' ? why.data() : curl_easy_strerror(code));
  }

  Target target_;
  std::unique_ptr<CURL, CloseCurl> curl_;
  std::string region_;
  std::string base_;
  std::string key_;
  std::string secret_;
  std::string token_;
};

}  // namespace

std::variant<S3Page, std::string> parse_s3_page(std::string_view xml) {
  if (xml.find("<ListBucketResult") == std::string_view::npos) return "the answer is no list of objects";
  S3Page page;
  size_t at = 0;
  while (const auto content = next_element(xml, "Contents", at)) {
    const auto key = element(*content, "Key");
    const auto size = element(*content, "Size");
    uint64_t bytes = 0;
    const auto [end, error] = size ? std::from_chars(size->data(), size->data() + size->size(), bytes)
                                   : std::from_chars_result{nullptr, std::errc::invalid_argument};
    if (!key || error != std::errc() || end != size->data() + size->size())
      return "the list of objects is damaged";
    page.listing.objects.push_back({unescaped(*key), bytes});
  }
  at = 0;
  while (const auto common = next_element(xml, "CommonPrefixes", at)) {
    const auto prefix = element(*common, "Prefix");
    if (!prefix) return "the list of objects is damaged";
    page.listing.folders.push_back(unescaped(*prefix));
  }
  if (element(xml, "IsTruncated") == "true") {
    const auto token = element(xml, "NextContinuationToken");
    if (!token || token->empty()) return "the list of objects is cut short";
    page.continuation = unescaped(*token);
  }
  return page;
}

std::unique_ptr<Objects> open_s3_objects(const Target& target) { return std::make_unique<S3Objects>(target); }

}  // namespace patronus::backup
