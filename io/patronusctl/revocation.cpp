#include "io/patronusctl/revocation.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/base/limits.h"
#include "io/patronusctl/authority_directory.h"
#include "io/patronusctl/files.h"
#include "io/patronusctl/validity.h"
#include "io/tls/certificate.h"
#include "io/tls/sign_list.h"

namespace patronus::ctl {
namespace {

constexpr size_t kSerialDigits = 32;  // of certificates that tls issue makes

// The list that is there; one with number 0 and nothing revoked if there is none.
std::variant<tls::RevocationInfo, ListFault> current_list(const tls::Authority& authority,
                                                          const std::string& directory) {
  const std::string path = below(directory, kListFile);
  if (!is_there(path)) {
    print_warning("'" + path +
                  "' is not there, so one is begun that revokes nothing; if nodes still have it, copy " +
                  "it from there first");
    tls::RevocationInfo none;
    none.number = 0;
    return none;
  }
  const ReadFile file = read_small_file(path);
  if (!file.error.empty()) return ListFault{file.error};
  const auto parsed = tls::parse_lists(file.content);
  if (const auto* why = std::get_if<std::string>(&parsed)) return ListFault{"'" + path + "' " + *why};
  const X509_CRL* list = std::get<std::vector<tls::Crl>>(parsed).front().get();
  // Else what somebody else put there would be signed as if it were ours.
  if (!tls::is_list_of(authority.certificate.get(), list)) {
    return ListFault{"'" + path + "' is not signed by the authority in '" + directory +
                     "'; put its own list back"};
  }
  tls::RevocationInfo info = tls::describe(list);
  if (!info.number) return ListFault{"'" + path + "' has no number, or one that can't be counted on from"};
  return info;
}

struct Target {
  std::string serial;
  std::string text;  // for people
};

std::variant<Target, ListFault> target_in(const std::string& path, const tls::Authority& authority) {
  const ReadFile file = read_small_file(path);
  if (!file.error.empty()) return ListFault{file.error};
  const auto parsed = tls::parse_certificates(file.content);
  if (const auto* why = std::get_if<std::string>(&parsed)) return ListFault{"'" + path + "' " + *why};
  X509* certificate = std::get<std::vector<tls::Certificate>>(parsed).front().get();
  if (X509_verify(certificate, X509_get0_pubkey(authority.certificate.get())) != 1) {
    (void)tls::take_openssl_error();
    return ListFault{"'" + path + "' is a certificate of another authority, which alone can revoke it"};
  }
  const tls::CertificateInfo info = tls::describe(certificate);
  if (info.is_authority) {
    return ListFault{"'" + path +
                     "' is the authority itself, which can't revoke itself; make a new one with " +
                     "patronusctl tls init and give all nodes certificates of it"};
  }
  return Target{info.serial, (info.node.empty() ? info.subject : "node " + info.node) + ", valid from " +
                                 tls::format_time(info.not_before) + " to " +
                                 tls::format_time(info.not_after)};
}

// "12:ab" as OpenSSL prints serials, or without colons; nothing if it is none of ours.
std::optional<std::string> serial_from(const std::string& text) {
  std::string serial;
  for (const char c : text) {
    if (c == ':') continue;
    const bool lower = c >= 'a' && c <= 'f';
    if (!lower && !(c >= 'A' && c <= 'F') && !(c >= '0' && c <= '9')) return std::nullopt;
    serial += lower ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return serial.size() == kSerialDigits ? std::optional(serial) : std::nullopt;
}

// Files come first: a node's id may look like a serial.
std::variant<Target, ListFault> target_of(const ListOptions& options, const tls::Authority& authority) {
  const std::string& what = options.certificate;
  if (what.find('/') != std::string::npos) return target_in(what, authority);
  for (const char* ending : {".crt", ".pem"}) {
    const std::string path = below(options.directory, what + ending);
    if (is_there(path)) return target_in(path, authority);
  }
  if (const std::optional<std::string> serial = serial_from(what))
    return Target{*serial, "serial " + *serial};
  return ListFault{"'" + what + "' is no certificate: there is neither '" + below(options.directory, what) +
                   ".crt' nor .pem, and it is no serial of " + std::to_string(kSerialDigits) +
                   " hexadecimal digits; name a node, a host, a file as ./FILE, or a serial"};
}

int sign_and_write(const tls::Authority& authority, const tls::RevocationInfo& info,
                   const ListOptions& options, const std::string& what, Format format) {
  tls::ListRequest request;
  request.number = info.number.value_or(0) + 1;
  request.this_update = now();
  // As long as the authority lasts, unless told otherwise: a next update only bounds how old a copy may be
  // that somebody fetched and keeps, and nodes read the list from their own disk as soon as it changes. A
  // shorter one would protect nobody and ask the operator for a signature again and again.
  request.next_update = tls::not_after(authority.certificate.get());
  if (options.days > 0) request.next_update = std::min(request.next_update, now() + options.days * kDay);
  if (request.next_update <= now()) {
    return fail("the authority in '" + options.directory + "' expired on " +
                tls::format_time(request.next_update) +
                "; make a new one with patronusctl tls init and give all nodes certificates of it");
  }
  request.revoked = info.revoked;
  const auto list = tls::sign_list(authority, request);
  if (const auto* why = std::get_if<std::string>(&list)) return fail("OpenSSL made no list: " + *why);
  const std::string path = below(options.directory, kListFile);
  const std::string pem = tls::to_pem(std::get<tls::Crl>(list).get());
  if (const auto error = write_file(path, pem, kPublic, IfThere::kReplace)) return fail(*error);
  report(
      {{path, "list " + std::to_string(request.number) + ", until " + tls::format_time(request.next_update) +
                  ", " + what + "; copy it to every node (PATRONUS_TLS_CRL)"}},
      format);
  return kOk;
}

std::string check(const ListOptions& options) {
  if (options.days >= 0 && options.days <= 36'500) return "";
  return "--days " + std::to_string(options.days) + " is out of range; use 1 to 36500, or leave it out";
}

}  // namespace

std::variant<std::string, ListFault> first_list(const tls::KeyAndCertificate& pem,
                                                const tls::Validity& validity) {
  const auto authority = tls::parse_authority(pem.key, pem.certificate);
  if (const auto* why = std::get_if<std::string>(&authority)) return ListFault{*why};
  const auto list = tls::sign_list(
      std::get<tls::Authority>(authority),
      {1, std::max(validity.not_before, std::min(now(), validity.not_after - 1)), validity.not_after, {}});
  if (const auto* why = std::get_if<std::string>(&list)) return ListFault{*why};
  return tls::to_pem(std::get<tls::Crl>(list).get());
}

int revoke_certificate(const ListOptions& options, Format format) {
  if (const std::string error = check(options); !error.empty()) return fail(error, kUsage);
  const auto opened = open_authority(options.directory);
  if (const auto* why = std::get_if<std::string>(&opened)) return fail(*why);
  const auto& authority = std::get<tls::Authority>(opened);
  const auto found = target_of(options, authority);
  if (const auto* why = std::get_if<ListFault>(&found)) return fail(why->text);
  const Target& target = std::get<Target>(found);
  auto current = current_list(authority, options.directory);
  if (const auto* why = std::get_if<ListFault>(&current)) return fail(why->text);
  auto& info = std::get<tls::RevocationInfo>(current);
  for (const tls::RevokedCertificate& one : info.revoked) {
    if (one.serial != target.serial) continue;
    report({{below(options.directory, kListFile),
             "unchanged: " + target.text + " was revoked on " + tls::format_time(one.at) + " already"}},
           format);
    return kOk;
  }
  if (info.revoked.size() >= limits::kTlsRevokedMax) {
    return fail("the list is full, with " + std::to_string(limits::kTlsRevokedMax) +
                " certificates; make a new authority with patronusctl tls init");
  }
  info.revoked.push_back({target.serial, now()});
  return sign_and_write(authority, info, options, "revokes " + target.text, format);
}

int renew_list(const ListOptions& options, Format format) {
  if (const std::string error = check(options); !error.empty()) return fail(error, kUsage);
  const auto opened = open_authority(options.directory);
  if (const auto* why = std::get_if<std::string>(&opened)) return fail(*why);
  const auto& authority = std::get<tls::Authority>(opened);
  const auto current = current_list(authority, options.directory);
  if (const auto* why = std::get_if<ListFault>(&current)) return fail(why->text);
  const auto& info = std::get<tls::RevocationInfo>(current);
  return sign_and_write(authority, info, options, "revokes " + std::to_string(info.revoked.size()), format);
}

}  // namespace patronus::ctl
