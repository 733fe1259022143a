"""E-mail: Apprise's message and connection, with the reason where they fail. Imported with the first message only."""

import smtplib
import ssl
from collections.abc import Callable
from urllib.parse import quote

from apprise import AppriseAsset, NotifyFormat
from apprise.exception import AppriseException
from apprise.plugins.email import NotifyEmail
from apprise.plugins.email.smtp import AppriseSMTPController, SMTPSecureMode

from swiftci import __version__
from swiftci.config.notify import Channel
from swiftci.spec.problem import quoted
from swiftci.tools.messenger import Letter
from swiftci.tools.messenger_address import Mailbox, mailbox
from swiftci.tools.messenger_answer import Refused

SECONDS = 10
"""For each thing that is said to the server."""


class Mail(NotifyEmail):
    """Mail to several, each with a message of their own; another try goes to those who have none yet."""

    def deliver(self, letter: Letter) -> None:
        try:
            with AppriseSMTPController(
                host=self.smtp_host,
                port=int(self.port or 0),
                secure_mode=str(self.secure_mode),
                user=self.user,
                password=self.password,
                socket_connect_timeout=SECONDS,
            ) as server:
                for message in self.prepare_emails(
                    subject=letter.title,
                    body=letter.text,
                    notify_format=NotifyFormat.TEXT,
                    from_addr=self.from_addr,
                    to=self.targets,
                    smtp_host=self.smtp_host,
                ):
                    if server.sendmail(str(self.from_addr[1]), message.to_addrs, str(message.body)):
                        self.targets = [one for one in self.targets if one[1] != message.recipient]
        except smtplib.SMTPAuthenticationError as error:
            raise Refused(f"it does not take user and password ({error.smtp_code})") from None
        except smtplib.SMTPResponseException as error:
            said = (
                error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
            )
            again = 400 <= error.smtp_code < 500
            raise Refused(f"it answers {error.smtp_code}, {quoted(str(said), 200)}", again=again) from None
        except ssl.SSLError:
            raise Refused("its certificate is not one that this machine trusts") from None
        except (OSError, smtplib.SMTPException, AppriseException) as error:
            raise Refused(f"it cannot be reached: {type(error).__name__}", again=True) from None
        if self.targets:
            left = ", ".join(address for _, address in self.targets)
            raise Refused(f"it took no mail to {left}", again=True)


_MAIL: Callable[..., Mail] = Mail  # whose constructor has no types


def way(channel: Channel, value: str, _: str) -> Callable[[Letter], None]:
    """What mails to the channel's recipients; raises Refused where the secret is no server's address."""
    server = mailbox(channel.token, value)
    try:
        plugin = _MAIL(
            smtp_host=server.host,
            host=server.host,
            port=server.port,
            user=quote(server.user) or None,  # it unquotes them once more
            password=quote(server.password) or None,
            secure_mode=_mode(server),
            from_addr=channel.from_address,
            targets=list(channel.recipients),
            asset=AppriseAsset(app_id=f"swiftci/{__version__}"),
        )
    except AppriseException:
        raise Refused(f"{channel.from_address} cannot be the sender of mail") from None
    if len(plugin.targets) != len(channel.recipients):  # it leaves out what it takes for no address, and logs that
        raise Refused("one of the recipients is no address that Apprise takes")
    return plugin.deliver


def _mode(server: Mailbox) -> str:
    if server.scheme == "smtps":
        return SMTPSecureMode.SSL
    return SMTPSecureMode.STARTTLS if server.password else SMTPSecureMode.INSECURE
