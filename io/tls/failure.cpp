#include "io/tls/failure.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>

#include "io/tls/certificate.h"

namespace patronus::tls {
namespace {

// Alerts of the other end (RFC 8446 section 6) arrive as reasons with this offset.
std::string explain_alert(int alert) {
  switch (alert) {
    case SSL_AD_CERTIFICATE_EXPIRED:
      return "does not take this node's certificate: it has expired, by the other end's clock";
    case SSL_AD_UNKNOWN_CA:
      return "does not take this node's certificate: it does not know the authority that signed it";
    case SSL_AD_CERTIFICATE_REQUIRED:
      return "demands a certificate and this node shows none";
    case SSL_AD_CERTIFICATE_REVOKED:
      return "does not take this node's certificate: it was revoked; issue another with patronusctl tls "
             "renew";
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_UNKNOWN:
      return "does not take this node's certificate";
    case SSL_AD_PROTOCOL_VERSION:
      return "speaks no version of TLS that this node speaks; 1.2 and 1.3 are";
    case SSL_AD_HANDSHAKE_FAILURE:
      return "finds no cipher, or no certificate, that it would take";
    default:
      return std::string("ends the connection with a TLS alert: ") + SSL_alert_desc_string_long(alert);
  }
}

// What a stranger wrote into a certificate shall not fill a line.
std::string clipped(const std::string& name) {
  constexpr size_t kShown = 120;
  return name.size() <= kShown ? name : name.substr(0, kShown) + "...";
}

}  // namespace

std::string explain_error(unsigned long error) {
  if (error == 0) return "broke TLS off";
  const int reason = ERR_GET_REASON(error);
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) {
    const char* text = ERR_reason_error_string(error);
    return std::string("sends what is no TLS: ") + (text == nullptr ? "unreadable" : text);
  }
  if (reason > SSL_AD_REASON_OFFSET) return explain_alert(reason - SSL_AD_REASON_OFFSET);
  switch (reason) {
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
      return "speaks plain HTTP where TLS is spoken; use https://";
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_RECORD_LENGTH_MISMATCH:
      return "sends what is no TLS";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_INAPPROPRIATE_FALLBACK:
      return "offers TLS below 1.2 only";
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
      return "offers no cipher or group that this node takes";
    case SSL_R_NO_APPLICATION_PROTOCOL:
      return "offers no HTTP/1.1 (ALPN)";
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return "shows no certificate";
    case SSL_R_EXCESSIVE_MESSAGE_SIZE:
      return "sends a handshake message that is too large";
    default: {
      const char* text = ERR_reason_error_string(error);
      return std::string("breaks the rules of TLS: ") + (text == nullptr ? "unknown" : text);
    }
  }
}

std::string explain_refusal(int verify_error, const X509* certificate) {
  if (certificate == nullptr) return "shows no certificate";
  const CertificateInfo info = describe(certificate);
  const std::string whose = " (" + clipped(info.subject) + ")";
  switch (verify_error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "shows a certificate that expired on " + format_time(info.not_after) + whose;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "shows a certificate that is not valid before " + format_time(info.not_before) + whose +
             "; are the clocks right?";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return "shows a certificate of another authority" + whose + ", issued by " + clipped(info.issuer);
    case X509_V_ERR_INVALID_PURPOSE:
      return "shows a certificate that is not meant for nodes" + whose;
    case X509_V_ERR_CERT_REJECTED:
      return "shows a certificate that names no node" + whose;
    default:
      return std::string("shows a certificate that is not accepted: ") +
             X509_verify_cert_error_string(verify_error) + whose;
  }
}

std::string explain_revocation(const X509* certificate, int64_t at) {
  const CertificateInfo info = describe(certificate);
  const std::string whose = info.node.empty() ? "a certificate (" + clipped(info.subject) + ")"
                                              : "the certificate of node " + info.node;
  return "shows " + whose + " that was revoked on " + format_time(at) + " (serial " + clipped(info.serial) +
         ")";
}

}  // namespace patronus::tls
