"""The directory as a file: what an upload would change, then the yes to it; and the whole of it to take away."""

from __future__ import annotations

import json
from uuid import UUID

from flask import Response, redirect, url_for
from flask.typing import ResponseReturnValue

from victim_gateway import times
from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.providers.blueprint import bp
from victim_gateway.blueprints.providers.forms import DirectoryFileForm, TakeOverFileForm
from victim_gateway.blueprints.providers.presenters import planned_lines
from victim_gateway.errors import InvalidInput, UnusableFile
from victim_gateway.services.providers import directory, uploads
from victim_gateway.services.shared.command import Command
from victim_gateway.web.flashes import flash_success
from victim_gateway.web.forms import render_form, save_or_refuse
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor
from victim_gateway.web.uploads import accepts_file

MOST_SHOWN = 100


@bp.route("/directory/upload", methods=["GET", "POST"])
@requires(Permission.MANAGE_DIRECTORY)
@accepts_file
def upload() -> ResponseReturnValue:
    """Choose a file; nothing is changed before its preview was looked at."""
    form = DirectoryFileForm()
    if form.validate_on_submit():
        with save_or_refuse(form, then=url_for("providers.upload")):
            try:
                upload_id = uploads.keep_directory_file(form.command(), form.file.data.stream)
            except UnusableFile as refusal:
                lines = [line[:1].upper() + line[1:] for line in refusal.message.splitlines()]
                form.form_errors = lines if len(lines) > 1 else []
                beside = "Put this right in the file, or choose another" if len(lines) > 1 else lines[0]
                raise InvalidInput(refusal.message, fields={"file": beside}) from refusal
            return redirect(url_for("providers.preview", upload_id=upload_id))
    return render_form("providers/upload.html", form)


@bp.route("/directory/upload/<uuid:upload_id>", methods=["GET", "POST"])
@requires(Permission.MANAGE_DIRECTORY)
def preview(upload_id: UUID) -> ResponseReturnValue:
    """What the file would change, service by service; then it is taken over whole."""
    form, after = TakeOverFileForm(), url_for("providers.directory")
    if form.validate_on_submit():
        with save_or_refuse(form, then=after):
            done = uploads.take_over_directory_file(form.command(), upload_id, form.digest.data or "")
            flash_success(
                f"The file was taken over: {done.added} added, {done.changed} changed, {done.unchanged} unchanged"
            )
            return redirect(after)
    planned, digest = uploads.preview_directory_file(Command(signed_in_actor(), times.now()), upload_id)
    form.digest.data = digest
    changed = [line for line in planned if line.after]
    return render_form(
        "providers/preview.html",
        form,
        summary=directory.summarise_plan(planned),
        lines=[(line, planned_lines(line.before, line.after)) for line in changed[:MOST_SHOWN]],
        left_out=len(changed) - min(len(changed), MOST_SHOWN),
    )


@bp.get("/directory/export/<any(csv,openreferral):file_format>")
@requires(Permission.MANAGE_DIRECTORY)
def export(file_format: str) -> ResponseReturnValue:
    """The whole directory as a file."""
    entries = directory.export_entries(actor=signed_in_actor())
    if file_format == "csv":
        text, kind, name = directory.directory_as_csv(entries), "text/csv", "directory.csv"
    else:
        documents = directory.directory_as_open_referral(entries)
        text, kind, name = json.dumps(documents, indent=2), "application/json", "directory.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, mimetype=kind, headers=headers)
