#include "io/backup/object_requests.h"

#include <curl/curl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>

#include "core/base/limits.h"
#include "io/storage/file.h"

namespace patronus::backup {
namespace {

constexpr std::string_view kReasonHeader = "x-ms-error-code:";  // Azure's; a status alone says little
constexpr size_t kReasonBytesMax = 100;

struct FreeDigest {
  void operator()(EVP_MD_CTX* digest) const { EVP_MD_CTX_free(digest); }
};
struct FreeHeaders {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeHeaders>;

// The digest's bytes; the file is at its beginning again. Empty: it can't be read.
std::string digest_of(std::FILE* file, const EVP_MD* kind) {
  const std::unique_ptr<EVP_MD_CTX, FreeDigest> digest(EVP_MD_CTX_new());
  if (!digest || EVP_DigestInit_ex(digest.get(), kind, nullptr) != 1) return "";
  std::array<unsigned char, 64 * limits::kKiB> piece{};
  while (const size_t n = std::fread(piece.data(), 1, piece.size(), file)) {
    if (EVP_DigestUpdate(digest.get(), piece.data(), n) != 1) return "";
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned length = 0;
  if (std::ferror(file) != 0 || std::fseek(file, 0, SEEK_SET) != 0 ||
      EVP_DigestFinal_ex(digest.get(), bytes.data(), &length) != 1)
    return "";
  return {bytes.begin(), bytes.begin() + length};
}

HeaderList list_of(const std::vector<std::string>& headers) {
  HeaderList list;
  for (const std::string& line : headers) {
    curl_slist* longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr) return nullptr;
    // The list's first element, which is new only where there was none.
    if (!list) list.reset(longer);
  }
  return list;
}

// One word; what else a service may say is nothing for an operator's terminal.
size_t take_reason(const char* bytes, size_t size, size_t count, void* to) {
  const std::string_view line(bytes, size * count);
  const auto same = [](char a, char b) { return a == b || (a >= 'A' && a <= 'Z' && a - 'A' + 'a' == b); };
  if (line.size() > kReasonHeader.size() && line.size() < kReasonBytesMax &&
      std::equal(kReasonHeader.begin(), kReasonHeader.end(), line.begin(),
                 [&](char expected, char c) { return same(c, expected); })) {
    std::string word;
    for (const char c : line.substr(kReasonHeader.size())) {
      if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) word.push_back(c);
    }
    *static_cast<std::string*>(to) = word;
  }
  return size * count;
}

}  // namespace

// Where the body of an answer goes; a longer one is refused.
struct ObjectRequests::Sink {
  std::string* text = nullptr;
  std::FILE* file = nullptr;
  uint64_t left = 0;
  bool is_full = false;

  static size_t take(const char* bytes, size_t size, size_t count, void* to) {
    auto& sink = *static_cast<Sink*>(to);
    const size_t more = size * count;
    sink.is_full = more > sink.left;
    if (sink.is_full) return 0;
    sink.left -= more;
    if (sink.file != nullptr) return std::fwrite(bytes, 1, more, sink.file);
    sink.text->append(bytes, more);
    return more;
  }
};

void ObjectRequests::CloseCurl::operator()(void* curl) const { curl_easy_cleanup(curl); }

ObjectRequests::ObjectRequests() {
  static const bool kStarted = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  if (kStarted) curl_.reset(curl_easy_init());
}

Fault ObjectRequests::perform(const ObjectRequest& request, std::string& answer) {
  Sink sink{&answer, nullptr, limits::kCtlAnswerBytesMax};
  return run(request, sink);
}

Fault ObjectRequests::download(const ObjectRequest& request, const std::string& to_file) {
  FilePointer file(std::fopen(to_file.c_str(), "wbe"));
  if (!file) return error_text("create", to_file);
  Sink sink{nullptr, file.get(), limits::kBackupObjectBytesMax};
  Fault failed = run(request, sink);
  if (std::fclose(file.release()) != 0 && !failed) failed = error_text("write", to_file);
  if (failed) ::unlink(to_file.c_str());
  return failed;
}

Fault ObjectRequests::run(const ObjectRequest& request, Sink& sink) {
  CURL* curl = curl_.get();
  if (curl == nullptr) return std::string("libcurl could not be started");
  curl_easy_reset(curl);
  std::array<char, CURL_ERROR_SIZE> why{};
  std::string reason;
  const HeaderList headers = list_of(request.headers);
  if (!headers) return std::string("there is no memory for a request's headers");
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why.data());
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 10'000L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(in_ms(limits::kBackupRequestPatience)));
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_reason);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &reason);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, Sink::take);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &sink);
  if (!request.aws_signature.empty()) {
    curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, request.aws_signature.c_str());
    curl_easy_setopt(curl, CURLOPT_USERPWD, request.aws_user.c_str());
  }
  if (request.upload != nullptr) {
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READDATA, request.upload->file.get());
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.upload->bytes));
  }
  const CURLcode code = curl_easy_perform(curl);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  // A redirection is no failure to libcurl, though nothing was stored: what is signed is for one place alone.
  if (code == CURLE_OK && status >= 200 && status <= 299) return std::nullopt;
  if (status == 404 && request.method == "DELETE") return std::nullopt;
  std::string fault = why[0] != '\0' ? why.data() : curl_easy_strerror(code);
  if (code == CURLE_OK) fault = "the answer's status is " + std::to_string(status);
  if (sink.is_full) fault = "the answer is too long";
  return request.method + " " + request.url + ": " + fault + (reason.empty() ? "" : ", " + reason);
}

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

std::string from_environment(const char* first, const char* second) {
  for (const char* name : {first, second}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return value;
  }
  return "";
}

std::variant<Upload, std::string> open_upload(const std::string& path, const EVP_MD* kind) {
  Upload upload{FilePointer(std::fopen(path.c_str(), "rbe")), 0, {}};
  struct stat about{};
  if (!upload.file || ::fstat(::fileno(upload.file.get()), &about) != 0) return error_text("read", path);
  upload.bytes = static_cast<uint64_t>(about.st_size);
  // It could not be had back.
  if (upload.bytes > limits::kBackupObjectBytesMax)
    return path + " is too large for a target: more than " +
           std::to_string(limits::kBackupObjectBytesMax / limits::kMiB) + " MiB";
  upload.digest = digest_of(upload.file.get(), kind);
  if (upload.digest.empty()) {
    if (std::ferror(upload.file.get()) != 0) return error_text("read", path);
    return "OpenSSL can't make the digest of " + path + " that the target wants";
  }
  return upload;
}

std::variant<Listing, std::string> list_pages(const Target& target, const std::string& folder,
                                              const ReadPage& page) {
  std::string prefix = folder.empty() ? target.path : path_below(target, folder);
  if (!prefix.empty()) prefix += "/";
  Listing all;
  std::string from;
  for (size_t n = 0; n < limits::kBackupListPagesMax; ++n) {
    std::variant<ListPage, std::string> read = page(prefix, from);
    if (auto* failed = std::get_if<std::string>(&read)) return std::move(*failed);
    auto& found = std::get<ListPage>(read);
    for (const std::string& name : found.listing.folders) {
      if (name.size() > prefix.size() + 1 && name.starts_with(prefix) && name.ends_with('/'))
        all.folders.push_back(name.substr(prefix.size(), name.size() - prefix.size() - 1));
    }
    for (const Object& object : found.listing.objects) {
      if (object.name.size() > prefix.size() && object.name.starts_with(prefix))
        all.objects.push_back({object.name.substr(prefix.size()), object.bytes});
    }
    from = std::move(found.continuation);
    if (!from.empty()) continue;
    std::sort(all.folders.begin(), all.folders.end());
    std::sort(all.objects.begin(), all.objects.end(),
              [](const Object& a, const Object& b) { return a.name < b.name; });
    return all;
  }
  return target.url() + ": there is too much in " + (folder.empty() ? "it" : folder);
}

std::optional<uint64_t> number_of(const XmlElement* element) {
  if (element == nullptr) return std::nullopt;
  const std::string& text = element->text;
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace patronus::backup
