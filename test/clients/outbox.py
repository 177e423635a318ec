# Django against a guarded outbox: python3 outbox.py ACTION
#
# django-post_office is not among Debian's packages, so this is a model of the
# shape of its Email (columns, states, lists of addresses in one text), written
# with Django's ORM in the ways post_office does: save(), bulk_create(), and a
# sender that reads what is queued and writes the outcome back in bulk.
import json
import os
import sys

import django
from django.conf import settings

action = sys.argv[1]
settings.configure(
    DATABASES={"default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ["PGHOST"],
        "PORT": os.environ["PGPORT"],
        "USER": os.environ["PGUSER"],
        "NAME": os.environ["PGDATABASE"],
    }},
    INSTALLED_APPS=[],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    USE_TZ=True,
)
django.setup()

from django.db import DatabaseError, connection, models, transaction  # noqa: E402

SENT, FAILED, QUEUED, REQUEUED = range(4)
NOW = 3
PROMOTION = "Get 20% off all boilers this weekend only! Order now."
SERVICE = "Your order 4411 is out for delivery today."


class EmailTemplate(models.Model):
    subject = models.CharField(max_length=255, blank=True)
    content = models.TextField(blank=True)
    html_content = models.TextField(blank=True, default="")

    class Meta:
        app_label = "post_office"
        db_table = "post_office_emailtemplate"


class Email(models.Model):
    to = models.TextField()
    cc = models.TextField(blank=True, default="")
    bcc = models.TextField(blank=True, default="")
    subject = models.CharField(max_length=989, blank=True)
    message = models.TextField(blank=True)
    html_message = models.TextField(blank=True, default="")
    status = models.PositiveSmallIntegerField(null=True)
    priority = models.PositiveSmallIntegerField(null=True)
    number_of_retries = models.PositiveIntegerField(null=True)
    template = models.ForeignKey(EmailTemplate, null=True, on_delete=models.CASCADE)
    context = models.JSONField(null=True)
    backend_alias = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        app_label = "post_office"
        db_table = "post_office_email"


def observe(name, seen):
    print(f"{name}\t{seen}")


def query(text, *values):
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        return cursor.fetchall()


def offer(to, **more):
    return Email(to=to, subject="Weekend offer", message=PROMOTION, **{"status": QUEUED, **more})


def notice(to, **more):
    return Email(to=to, subject="Your order", message=SERVICE, **{"status": QUEUED, **more})


def outcome(call):
    try:
        with transaction.atomic():
            call()
        return "stored"
    except DatabaseError as error:
        cause = error.__cause__
        return "%s %s %s %s" % (type(error).__name__, cause.pgcode, cause.diag.constraint_name,
                                json.loads(cause.diag.message_detail)["reason"])


def opt_out(to):
    query("SELECT consent.withdraw(%s::text::consent.contact)", to)


def send_queued(fails=None):
    """What post_office's sender does; returns whom it sent to.  Whoever fails
    opts out in the middle of it."""
    emails = list(Email.objects.filter(status__in=[QUEUED, REQUEUED]).order_by("id"))
    sent = [email for email in emails if email.to != fails]
    failed = [email for email in emails if email.to == fails]
    if fails:
        opt_out(fails)
    Email.objects.filter(id__in=[email.id for email in sent]).update(status=SENT)
    for email in failed:
        email.status = REQUEUED
        email.number_of_retries = (email.number_of_retries or 0) + 1
    Email.objects.bulk_update(failed, ["status", "number_of_retries"])
    return " ".join("%s:%s" % (email.to.split("@")[0], email.subject.split()[-1]) for email in sent)


with connection.schema_editor() as editor:
    editor.create_model(EmailTemplate)
    editor.create_model(Email)
query("SELECT consent.guard_queue('django-post_office', organisation => $$'acme'$$, on_block => %s::text::consent.block_action)", action)

# Saving.
refused, allowed, service = offer("no@example.com"), offer("yes@example.com"), notice("no@example.com")
observe("refused offer", outcome(refused.save))
observe("its id", "none" if refused.id is None else "an id")
observe("allowed offer", outcome(allowed.save))
observe("notice to the refused", outcome(service.save))
observe("one of several refused", outcome(offer("yes@example.com", bcc="also@example.com, No One <no@example.com>").save))
observe("all of several allowed", outcome(offer("Yes <yes@example.com>, also@example.com").save))
batch = [offer("no@example.com"), offer("also@example.com"), notice("also@example.com")]
observe("bulk_create with one refused", outcome(lambda: Email.objects.bulk_create(batch)))
observe("ids of the batch", sum(email.id is not None and Email.objects.filter(id=email.id, to=email.to).exists() for email in batch))
observe("priority now to the refused", outcome(offer("no@example.com", status=None, priority=NOW).save))
observe("priority now to the allowed", outcome(offer("yes@example.com", status=None, priority=NOW).save))
observe("sender sent", send_queued())
observe("failed in the table", Email.objects.filter(status=FAILED).count())

if action == "divert":
    # The person opts out while the sender has both mails, and they fail.
    for email in offer("retry@example.com"), notice("retry@example.com"):
        email.save()
    observe("sender around an opt-out", send_queued(fails="retry@example.com"))
    observe("sent by the retry", send_queued())

    # An opt-out that finds the mail queued parks it at once.
    for email in offer("claim@example.com"), notice("claim@example.com"):
        email.save()
    opt_out("claim@example.com")
    observe("sent after an opt-out", send_queued())
