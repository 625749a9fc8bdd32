"""Routes of the import pages; for seniors."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from victim_gateway.access.permissions import Permission
from victim_gateway.blueprints.imports.forms import UploadForm
from victim_gateway.errors import InvalidInput, UnusableFile
from victim_gateway.queries.imports import batches
from victim_gateway.services.imports import uploads
from victim_gateway.vocabulary import ImportKind
from victim_gateway.web.flashes import flash_success
from victim_gateway.web.forms import render_form, save_or_refuse
from victim_gateway.web.list_pages import Paging, first_page_url, is_beside_the_list, page_number, paging_of
from victim_gateway.web.permissions import requires
from victim_gateway.web.sessions import signed_in_actor
from victim_gateway.web.uploads import accepts_file

bp = Blueprint("imports", __name__, url_prefix="/imports", template_folder="templates")


@bp.get("/")
@requires(Permission.IMPORT_FEED)
def home() -> ResponseReturnValue:
    """List every import, newest first."""
    found, total = batches.batch_list(actor=signed_in_actor(), page=page_number())
    return render_template("imports/home.html", batches=found, paging=Paging(page_number(), total))


@bp.route("/new", methods=["GET", "POST"])
@requires(Permission.IMPORT_FEED)
@accepts_file
def new() -> ResponseReturnValue:
    """Upload a file. A worker reads it; the batch's page says what came of it."""
    form = UploadForm()
    if form.validate_on_submit():
        with save_or_refuse(form, then=url_for("imports.home")):
            try:
                batch_id = uploads.upload_file(
                    form.command(),
                    form.file.data.stream,
                    kind=ImportKind(form.kind.data),
                    file_name=uploads.plain_file_name(form.file.data.filename),
                    history=form.history.data,
                    put_back=form.put_back.data,
                )
            except UnusableFile as refusal:
                raise InvalidInput(refusal.message, fields={"file": refusal.message}) from refusal
            flash_success(
                "The file was received and is being read. This page shows how far it is, and then what came of it."
            )
            return redirect(url_for("imports.batch", batch_id=batch_id))
    return render_form("imports/new.html", form)


@bp.get("/<uuid:batch_id>")
@requires(Permission.IMPORT_FEED)
def batch(batch_id: UUID) -> ResponseReturnValue:
    """Show one import: its progress, its counts and the rows set aside."""
    before, after = (batches.read_row_position(request.args.get(name, "")) for name in ("before", "after"))
    position, is_before = after or before, after is None and before is not None
    page = batches.batch_page(batch_id, actor=signed_in_actor(), position=position, is_before=is_before)
    if is_beside_the_list(position, is_before=is_before, before=page.before, shown=len(page.rows)):
        return redirect(first_page_url())
    return render_template(
        "imports/batch.html",
        found=page,
        paging=paging_of(page.before, page.after, len(page.rows), page.rows_in_all),
    )


@bp.get("/<uuid:batch_id>/progress")
@requires(Permission.IMPORT_FEED)
def progress(batch_id: UUID) -> ResponseReturnValue:
    """Render only the progress part, which an open page fetches again."""
    return render_template(
        "imports/_progress.html", batch=batches.batch_state(batch_id, actor=signed_in_actor())
    )


@bp.post("/<uuid:batch_id>/set-aside")
@requires(Permission.IMPORT_FEED)
def set_aside(batch_id: UUID) -> Response:
    """Download the rows set aside. A POST, because opening personal data is audited."""
    chunks = batches.rejected_rows(batch_id, actor=signed_in_actor())
    number = batches.batch_state(batch_id, actor=signed_in_actor()).number
    return Response(
        chunks,
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="import-{number}-set-aside.csv"'},
    )
